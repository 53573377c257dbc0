package main

import (
	"os"

	"example.com/shop/greet"
)

func main() { os.Stdout.WriteString("web says " + greet.Greeting + "\n") }
