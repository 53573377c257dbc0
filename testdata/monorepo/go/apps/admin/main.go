package main

func main() { theWebAppDoesNotNeedThis() }
