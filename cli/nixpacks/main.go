// Command nixpacks builds an OCI image from an app's source directory.
package main

func main() {}
