// Package plan is the build plan: its Go form, its JSON, the rules by which plans are laid over one
// another, and the order in which phases run. It knows nothing of CUE, BuildKit or any language.
package plan

// Plan is what a build does: phases in an order given by their dependencies, then a start command.
// The JSON names are Nixpacks' own, so that a Nixpacks plan is a plan here. In every list nil means
// that nothing was said and a present empty list means "none"; both survive JSON.
type Plan struct {
	// Providers to run; "..." stands for the detected one. A finished plan has a present empty list:
	// nothing is detected again when it is built.
	Providers []string `json:"providers,omitzero"`
	// BuildImage is the image that phases run in: a registry reference, oci-layout://PATH[@digest] or debian://SUITE.
	BuildImage string `json:"buildImage,omitempty"`
	// Packages is where toolchains come from: "nix" (the meaning of "") or "apt".
	Packages string `json:"packages,omitempty"`
	// Variables of every phase and of the running image.
	Variables map[string]string `json:"variables,omitzero"`
	// DeployVariables are names of variables that change with every deploy, where * stands for any text: phases that run
	// on their Inputs alone do not see them.
	DeployVariables []string `json:"deployVariables,omitzero"`
	// StaticAssets are files that the build writes below /assets/: path to content.
	StaticAssets map[string]string `json:"staticAssets,omitzero"`
	// NixHashes are the sha256 hashes, as Nix writes them, of the unpacked archives that phases take Nix packages from: by
	// revision of nixpkgs, or URL of an overlay. "" says that there shall be none.
	NixHashes map[string]string `json:"nixHashes,omitzero"`
	// AptHashes are the hashes of what apt is to take for sets of Debian packages (AptSet), by the keys of these.
	AptHashes map[string]string `json:"aptHashes,omitzero"`
	// Exclude are patterns, as in .dockerignore, of files of the app that do not go to the build, unless a line with "!"
	// of an ignore file names them. Include are those of files that do, whatever else is said.
	Exclude []string `json:"exclude,omitzero"`
	Include []string `json:"include,omitzero"`
	// App is where in its repository the app is, nil where the app is all that there is.
	App    *Location         `json:"app,omitempty"`
	Phases map[string]*Phase `json:"phases,omitzero"`
	Start  *Start            `json:"start,omitempty"`
}

// What Phase.Order says; "" is OrderFixed.
const (
	OrderFree  = "free"
	OrderFixed = "fixed"
)

// OutputsForStart is what Phase.OutputsFor says where it says anything.
const OutputsForStart = "start"

// Phase is one step of the build.
type Phase struct {
	// DependsOn names the phases that run before this one; names that no phase has are ignored.
	DependsOn []string `json:"dependsOn,omitzero"`
	// NixPkgs and NixLibs are attributes of nixpkgs at revision NixpkgsArchive under NixOverlays (URLs of tarballs).
	NixPkgs        []string `json:"nixPkgs,omitzero"`
	NixLibs        []string `json:"nixLibs,omitzero"`
	NixOverlays    []string `json:"nixOverlays,omitzero"`
	NixpkgsArchive string   `json:"nixpkgsArchive,omitempty"`
	// AptPkgs are Debian packages.
	AptPkgs []string `json:"aptPkgs,omitzero"`
	// Cmds run in login bash from /app, each a step of its own.
	Cmds []string `json:"cmds,omitzero"`
	// OnlyIncludeFiles limits what of the app the phase sees, as in Nixpacks.
	OnlyIncludeFiles []string `json:"onlyIncludeFiles,omitzero"`
	// CacheDirectories keep their content between builds and are not part of the image.
	CacheDirectories []string `json:"cacheDirectories,omitzero"`
	// Paths go in front of PATH, from this phase on and in the image.
	Paths []string `json:"paths,omitzero"`
	// Inputs are the files and folders of the app, as globs, that the phase's result depends on: a change
	// of any other file does not run it again. Nil means the whole app.
	Inputs []string `json:"inputs,omitzero"`
	// Outputs are the files and folders of the app, as globs, that the phase makes: those that lie in the app's
	// directory already, such as packages installed on a developer's machine, are not copied over them. With Inputs too,
	// the phase may run beside others, and then nothing else of what it does is kept (plan2llb).
	Outputs []string `json:"outputs,omitzero"`
	// Order is OrderFree where the commands need nothing that other phases make but those of DependsOn, and change nothing
	// that these change: the phase may run beside others that say so, and all that it changes is kept (plan2llb).
	Order string `json:"order,omitempty"`
	// OutputsFor is OutputsForStart where the image that runs alone takes the outputs, in the place of what other phases made there.
	OutputsFor string `json:"outputsFor,omitempty"`
	// Variables are seen by this phase alone.
	Variables map[string]string `json:"variables,omitzero"`
	// Secrets are the ids of secrets that the commands see, each as the file /run/secrets/ID and, where ID can be a
	// variable's name, as that variable. "ID?" may be missing when the plan is built.
	Secrets []string `json:"secrets,omitzero"`
	// Credentials are the ids of secrets that may be missing, each with the place where the commands find it: a file, in which
	// "~/" is root's home, or "$NAME", a variable; "" is none.
	Credentials map[string]string `json:"credentials,omitzero"`
	// SSH is the id of the agent of SSH keys that the commands may use, "" for none. "ID?" may be missing.
	SSH string `json:"ssh,omitempty"`
}

// Free tells whether a phase with commands may run at any time behind those that it depends on.
func (ph *Phase) Free() bool { return len(ph.Cmds) > 0 && ph.Order == OrderFree && !ph.ForStart() }

// ForStart tells whether the phase makes files for the image that runs alone.
func (ph *Phase) ForStart() bool { return ph.OutputsFor == OutputsForStart }

// Start is how the image runs.
type Start struct {
	// Cmd runs in login bash from /app.
	Cmd string `json:"cmd,omitempty"`
	// Processes are the commands that the image can be made to start instead, by name.
	Processes map[string]string `json:"processes,omitzero"`
	// RunImage, where set, is the image that runs instead of the build image, with OnlyIncludeFiles of /app in it.
	RunImage         string   `json:"runImage,omitempty"`
	OnlyIncludeFiles []string `json:"onlyIncludeFiles,omitzero"`
	// AptPkgs are Debian packages of the running image: in RunImage, or with those of the phases where there is none.
	AptPkgs []string `json:"aptPkgs,omitzero"`
	// NixPkgs are those of the phases' Nix packages that the running image has, with what these need of the Nix store; nil
	// stands for all of them where there is no RunImage, and for none where there is one.
	NixPkgs []string `json:"nixPkgs,omitzero"`
	// User that the command runs as; "" is root. A number owns /app and has it for a home.
	User string `json:"user,omitempty"`
	// Variables of the running image alone.
	Variables map[string]string `json:"variables,omitzero"`
	// Ports that the app listens on: "8080", "53/udp".
	Ports []string `json:"ports,omitzero"`
	// Healthcheck is Docker's: cmd, interval, timeout, startPeriod, startInterval and retries.
	Healthcheck map[string]string `json:"healthcheck,omitzero"`
	// StopSignal asks the app to end; "" is SIGTERM.
	StopSignal string `json:"stopSignal,omitempty"`
	// Workdir is the working directory, absolute or below /app.
	Workdir string `json:"workdir,omitempty"`
	// Labels of the image.
	Labels map[string]string `json:"labels,omitzero"`
}
