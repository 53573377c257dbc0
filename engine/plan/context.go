package plan

// ContextDefaults say which files of any app stay out of its build, and of which somebody is told. They are data that comes
// with the providers. Patterns are those of .dockerignore.
type ContextDefaults struct {
	Exclude  []ContextRule `json:"exclude,omitempty"`
	Settings SettingsFiles `json:"settings,omitzero"`
}

// ContextRule leaves files out. Holds, With and Ignored narrow it down to some of those that have the names.
type ContextRule struct {
	Files []string `json:"files"`
	Why   string   `json:"why"` // what they are, as "a private key"
	// Holds is a regular expression (RE2): only files in whose beginning it matches.
	Holds string `json:"holds,omitempty"`
	// With are names of files: only folders that hold one of them.
	With []string `json:"with,omitempty"`
	// Ignored: only what .gitignore leaves out, so that what a repository has stays.
	Ignored bool `json:"ignored,omitempty"`
	// Except are patterns of files, of those that are narrowed down, that stay in any case.
	Except []string `json:"except,omitempty"`
	// Quiet: it is so with every app, and nobody is told.
	Quiet bool `json:"quiet,omitempty"`
}

// Narrow tells whether more than the names decides.
func (r ContextRule) Narrow() bool { return r.Holds != "" || len(r.With) > 0 || r.Ignored }

// SettingsFiles are files with lines NAME=VALUE, which apps read: they go to the build, and those values whose names look
// like secrets (SecretNames) are pointed out.
type SettingsFiles struct {
	Files  []string `json:"files,omitempty"`
	Except []string `json:"except,omitempty"`
}
