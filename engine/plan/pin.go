package plan

// Defaults are what Pin writes where nobody said anything. They are data that comes with the providers.
type Defaults struct {
	Nix    Default `json:"nix"`
	Debian Default `json:"debian"` // instead of Nix where Nixpacks' older base is asked for
	Apt    Default `json:"apt"`    // where packages is "apt"
	// NixHashes are the hashes that are known of archives (Plan.NixHashes).
	NixHashes map[string]string `json:"nixHashes,omitempty"`
	// DeployVariables lie below those of every plan (Plan.DeployVariables).
	DeployVariables []string `json:"deployVariables,omitempty"`
	// SecretVariables tell which variables look like secrets.
	SecretVariables SecretNames `json:"secretVariables,omitzero"`
	// Context says which files of an app stay out of its build.
	Context ContextDefaults `json:"context,omitzero"`
}

// Default is what one kind of plan gets.
type Default struct {
	BuildImage     string `json:"buildImage"`
	NixpkgsArchive string `json:"nixpkgsArchive"`
}

// Pin makes the plan independent of this program's defaults and of detection, so that it builds again
// later from itself: an image and, where Nix is used, a revision of nixpkgs and its hash are written into it, no
// provider is left to run, and the markers in its lists are gone. With debian the older base is taken.
func (p *Plan) Pin(d Defaults, debian bool) {
	def := d.Nix
	switch {
	case p.Packages == "apt":
		def = d.Apt
	case debian:
		def = d.Debian
	}
	p.Providers = []string{}
	p.BuildImage = last(def.BuildImage, p.BuildImage)
	if p.Phases == nil {
		p.Phases = map[string]*Phase{}
	}
	for _, ph := range p.Phases {
		// Nixpacks looks before it drops the markers, so a phase with only a marker gets a revision.
		nix := ph.UsesNix()
		ph.dropMarkers()
		if p.Packages == "apt" {
			nix = ph.UsesNix()
		}
		if nix {
			ph.NixpkgsArchive = last(def.NixpkgsArchive, ph.NixpkgsArchive)
			p.pinHashes(ph, d.NixHashes)
		}
	}
	p.pinDeployVariables()
	p.DropMarkers()
}

// DropMarkers takes the markers out of all lists but the first ones: nothing more will be laid below.
func (p *Plan) DropMarkers() {
	p.Exclude, p.Include = dropMarkers(p.Exclude), dropMarkers(p.Include)
	for _, ph := range p.Phases {
		ph.dropMarkers()
	}
	if p.Start != nil {
		for _, l := range p.Start.lists() {
			*l = dropMarkers(*l)
		}
	}
}

func (ph *Phase) dropMarkers() {
	for _, l := range ph.lists() {
		*l = dropMarkers(*l)
	}
}

// pinHashes writes down what is known of the archives that a phase takes packages from, so that no other content
// under the same address can come into the build.
func (p *Plan) pinHashes(ph *Phase, known map[string]string) {
	for _, archive := range append([]string{ph.NixpkgsArchive}, ph.NixOverlays...) {
		hash, ok := known[archive]
		if _, said := p.NixHashes[archive]; !ok || said {
			continue
		}
		if p.NixHashes == nil {
			p.NixHashes = map[string]string{}
		}
		p.NixHashes[archive] = hash
	}
}
