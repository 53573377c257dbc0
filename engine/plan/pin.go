package plan

// Defaults are the values that Pin writes where the plan sets none. They are data that ships with the providers.
type Defaults struct {
	Nix    Default `json:"nix"`
	Debian Default `json:"debian"` // replaces Nix if Nixpacks' older base is requested
	Apt    Default `json:"apt"`    // if packages is "apt"
	// NixHashes are the known hashes of archives (Plan.NixHashes).
	NixHashes map[string]string `json:"nixHashes,omitempty"`
	// DeployVariables are the lowest layer of every plan's Plan.DeployVariables.
	DeployVariables []string `json:"deployVariables,omitempty"`
	// SecretVariables recognize variables that look like secrets.
	SecretVariables SecretNames `json:"secretVariables,omitzero"`
	// Context selects the app's files that stay out of its build.
	Context ContextDefaults `json:"context,omitzero"`
}

// Default holds the defaults for one kind of plan.
type Default struct {
	BuildImage     string `json:"buildImage"`
	NixpkgsArchive string `json:"nixpkgsArchive"`
}

// Pin makes the plan independent of this program's defaults and of detection, so that a saved plan can be built again
// later. It writes the build image and, for phases with Nix packages, the revision of nixpkgs and its hash, clears
// Providers, and removes the markers from lists. With debian it uses the older base.
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
		// Like Nixpacks, check before dropping the markers: a phase with only a marker gets a revision.
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

// DropMarkers removes the markers from all lists except Providers and DeployVariables: no layer will be merged below.
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

// pinHashes records the known hashes of the archives that a phase takes packages from, so that no other content from the
// same URL can enter the build.
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
