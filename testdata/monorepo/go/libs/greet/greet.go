// Package greet is what both apps say.
package greet

const Greeting = "hello"
