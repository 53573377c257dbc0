package catalog

import (
	"encoding/json"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/providers"
)

// Elsewhere is what other programs call what is here. Who moves an app here asks for it, no plan does.
type Elsewhere struct {
	Railpack   map[string]string `json:"railpack"`   // the provider, by the name of Railpack's
	Packages   map[string]string `json:"packages"`   // the variable for the version, by the name of mise's package
	Buildpacks map[string]string `json:"buildpacks"` // the provider, by the last word of the name of Heroku's buildpack
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
	return e, fault.Wrap(fault.Bug, err, "the names of others are broken")
}
