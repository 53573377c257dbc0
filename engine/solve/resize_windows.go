package solve

// onResize does nothing: Windows has no signal for it, and no embedded engine to run an app.
func onResize(func()) (stop func()) { return func() {} }
