package catalog

import (
	"encoding/json"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/providers"
)

// Elsewhere maps names that other programs use to ours. Only migration uses it, plans do not.
type Elsewhere struct {
	Railpack   map[string]string `json:"railpack"`   // from Railpack's provider to ours
	Packages   map[string]string `json:"packages"`   // from mise's package to the variable that sets its version
	Buildpacks map[string]string `json:"buildpacks"` // from the last word of a Heroku buildpack's name to our provider
}

// ReadElsewhere reads providers/elsewhere.cue.
func ReadElsewhere() (Elsewhere, error) {
	var e Elsewhere
	from, err := ReadSources(providers.FS, ".", "providers")
	if err != nil {
		return e, err
	}
	s, err := parseSources(from, false)
	if err != nil {
		return e, err
	}
	value, ok := s.single("elsewhere")
	if !ok {
		return e, fault.New(fault.Bug, "elsewhere must be literal data").WithPos(s.at("elsewhere"))
	}
	text, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(text, &e)
	}
	return e, fault.Wrap(fault.Bug, err, "the names of other tools' providers cannot be decoded")
}
