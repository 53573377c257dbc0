package solve

// onResize: Windows has no signal for it, and no embedded engine that would run an app.
func onResize(func()) (stop func()) { return func() {} }
