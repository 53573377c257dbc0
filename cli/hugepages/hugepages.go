// Package hugepages makes the program's heap begin in huge pages. Starting and planning touch about ten megabytes for the
// first time. With pages of 4 KB these are 2,500 page faults, which take a sixth of a plan's time. A fault on a page of 2
// MB takes as long as a hundred of them.
//
// It takes effect when this package is initialized. Go initializes packages in the order of their paths, as soon as their
// imports are ready. This package imports almost nothing, so it runs before the heap has grown beyond a few pages.
package hugepages
