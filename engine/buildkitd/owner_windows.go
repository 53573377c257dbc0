package buildkitd

// CheckOwner does nothing: there is no sudo that keeps the caller's directories.
func CheckOwner(string) error { return nil }
