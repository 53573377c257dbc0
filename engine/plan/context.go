package plan

// ContextDefaults say which files of any app stay out of its build context, and which of these are reported. They are
// data that ships with the providers. Patterns have the syntax of .dockerignore.
type ContextDefaults struct {
	Exclude  []ContextRule `json:"exclude,omitempty"`
	Settings SettingsFiles `json:"settings,omitzero"`
}

// ContextRule excludes files from the build context. Holds, With and Ignored narrow the rule to some of the files that
// match.
type ContextRule struct {
	Files []string `json:"files"`
	Why   string   `json:"why"` // what the files are, for example "a private key"
	// Holds is a regular expression (RE2): the rule applies only to files whose beginning matches.
	Holds string `json:"holds,omitempty"`
	// With are file names: the rule applies only in folders that contain one of them.
	With []string `json:"with,omitempty"`
	// Ignored limits the rule to files that .gitignore excludes, so that files tracked in the repository stay.
	Ignored bool `json:"ignored,omitempty"`
	// Except are patterns of files that stay even if the conditions above hold.
	Except []string `json:"except,omitempty"`
	// Quiet rules apply to every app and are not reported.
	Quiet bool `json:"quiet,omitempty"`
}

// Narrow reports whether the rule depends on more than file names.
func (r ContextRule) Narrow() bool { return r.Holds != "" || len(r.With) > 0 || r.Ignored }

// SettingsFiles are files of NAME=VALUE lines that apps read. They stay in the build context; values whose names look
// like secrets (SecretNames) are reported.
type SettingsFiles struct {
	Files  []string `json:"files,omitempty"`
	Except []string `json:"except,omitempty"`
}
