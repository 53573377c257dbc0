// Package plan defines the build plan: its Go types, its JSON, the rules for merging plans, and the order in which
// phases run. It knows nothing of CUE, BuildKit or any language.
package plan

// Plan describes a build: phases, ordered by their dependencies, then a start command. The JSON names are Nixpacks' own,
// so a Nixpacks plan is a valid plan here. In every list nil means "not set" and a present empty list means "none"; JSON
// keeps the difference.
type Plan struct {
	// Providers to run; "..." stands for the detected one. A finished plan has a present empty list: building it detects
	// nothing again.
	Providers []string `json:"providers,omitzero"`
	// BuildImage is the image that phases run in: a registry reference, oci-layout://PATH[@digest] or debian://SUITE.
	BuildImage string `json:"buildImage,omitempty"`
	// Packages is the source of toolchains: "nix" (the meaning of "") or "apt".
	Packages string `json:"packages,omitempty"`
	// Variables are set in every phase and in the image.
	Variables map[string]string `json:"variables,omitzero"`
	// DeployVariables are names of variables that change with every deploy; * stands for any text. Phases that declare
	// their Inputs do not see these variables.
	DeployVariables []string `json:"deployVariables,omitzero"`
	// StaticAssets are files that the build writes below /assets/: path to content.
	StaticAssets map[string]string `json:"staticAssets,omitzero"`
	// NixHashes are the sha256 hashes, in Nix's notation, of the unpacked archives that phases take Nix packages from.
	// Keys are revisions of nixpkgs or URLs of overlays. "" disables the check.
	NixHashes map[string]string `json:"nixHashes,omitzero"`
	// AptHashes are the expected hashes of what apt installs, by AptSet.Key.
	AptHashes map[string]string `json:"aptHashes,omitzero"`
	// Exclude are patterns, in .dockerignore's syntax, of the app's files that stay out of the build context, unless a
	// "!" line of an ignore file names them. Include are patterns of files that enter it in any case.
	Exclude []string `json:"exclude,omitzero"`
	Include []string `json:"include,omitzero"`
	// App is the app's place in its repository. It is nil if the app is not part of a larger one.
	App    *Location         `json:"app,omitempty"`
	Phases map[string]*Phase `json:"phases,omitzero"`
	Start  *Start            `json:"start,omitempty"`
}

// Values of Phase.Order; "" is OrderFixed.
const (
	OrderFree  = "free"
	OrderFixed = "fixed"
)

// OutputsForStart is the one value of Phase.OutputsFor besides "".
const OutputsForStart = "start"

// Phase is one step of the build.
type Phase struct {
	// DependsOn names the phases that run before this one. Names of phases that do not exist are ignored.
	DependsOn []string `json:"dependsOn,omitzero"`
	// NixPkgs and NixLibs are attributes of nixpkgs at revision NixpkgsArchive under NixOverlays (URLs of tarballs).
	NixPkgs        []string `json:"nixPkgs,omitzero"`
	NixLibs        []string `json:"nixLibs,omitzero"`
	NixOverlays    []string `json:"nixOverlays,omitzero"`
	NixpkgsArchive string   `json:"nixpkgsArchive,omitempty"`
	// AptPkgs are Debian packages.
	AptPkgs []string `json:"aptPkgs,omitzero"`
	// Cmds run in a login bash in the app's directory, each as a separate step.
	Cmds []string `json:"cmds,omitzero"`
	// OnlyIncludeFiles limits the app's files that the phase sees, as in Nixpacks.
	OnlyIncludeFiles []string `json:"onlyIncludeFiles,omitzero"`
	// CacheDirectories keep their content between builds and are not part of the image.
	CacheDirectories []string `json:"cacheDirectories,omitzero"`
	// Paths are prepended to PATH, from this phase on and in the image.
	Paths []string `json:"paths,omitzero"`
	// Inputs are globs of the app's files and folders that the phase's result depends on: a change of any other file
	// does not rerun the phase. Nil means the whole app.
	Inputs []string `json:"inputs,omitzero"`
	// Outputs are globs of files and folders in the app's directory that the phase creates. Files that already exist
	// there, such as packages installed on a developer's machine, are not copied over them. If Inputs is set too, the
	// phase may run in parallel with others; then the build keeps its outputs and nothing else (plan2llb).
	Outputs []string `json:"outputs,omitzero"`
	// Order is OrderFree if the commands need the results of no phase outside DependsOn and change nothing that such
	// phases change. The phase may then run in parallel with other OrderFree phases, and the build keeps all its changes
	// (plan2llb).
	Order string `json:"order,omitempty"`
	// OutputsFor is OutputsForStart if the outputs are for the final image alone: they replace what other phases made
	// there, and no phase sees them.
	OutputsFor string `json:"outputsFor,omitempty"`
	// Variables are visible to this phase alone.
	Variables map[string]string `json:"variables,omitzero"`
	// Secrets are the ids of secrets that the commands see, each as the file /run/secrets/ID and, if ID is a valid
	// variable name, as that variable. A secret written "ID?" is optional.
	Secrets []string `json:"secrets,omitzero"`
	// Credentials are ids of optional secrets, each with the place where the commands find it: a file, where "~/" is
	// root's home, or "$NAME", a variable. "" disables the credential.
	Credentials map[string]string `json:"credentials,omitzero"`
	// SSH is the id of the SSH agent that the commands may use, "" for none. "ID?" is optional.
	SSH string `json:"ssh,omitempty"`
}

// Free reports whether the phase has commands and may run at any time after its dependencies.
func (ph *Phase) Free() bool { return len(ph.Cmds) > 0 && ph.Order == OrderFree && !ph.ForStart() }

// ForStart reports whether the phase's outputs are for the final image alone.
func (ph *Phase) ForStart() bool { return ph.OutputsFor == OutputsForStart }

// Start describes how the image runs.
type Start struct {
	// Cmd runs in a login bash in Workdir.
	Cmd string `json:"cmd,omitempty"`
	// Processes are alternative commands that the image can start, by name.
	Processes map[string]string `json:"processes,omitzero"`
	// RunImage, if set, is the run image, used instead of the build image. It gets the OnlyIncludeFiles of /app.
	RunImage         string   `json:"runImage,omitempty"`
	OnlyIncludeFiles []string `json:"onlyIncludeFiles,omitzero"`
	// AptPkgs are Debian packages to install in RunImage or, without one, together with those of the phases.
	AptPkgs []string `json:"aptPkgs,omitzero"`
	// NixPkgs selects the phases' Nix packages that the image keeps, with their closure in the Nix store. Nil means all
	// of them without a RunImage, and none with one.
	NixPkgs []string `json:"nixPkgs,omitzero"`
	// User runs the command; "" is root. A numeric user owns /app and has it as its home.
	User string `json:"user,omitempty"`
	// Variables are set in the final image alone.
	Variables map[string]string `json:"variables,omitzero"`
	// Ports that the app listens on: "8080", "53/udp".
	Ports []string `json:"ports,omitzero"`
	// Healthcheck is Docker's: cmd, interval, timeout, startPeriod, startInterval and retries.
	Healthcheck map[string]string `json:"healthcheck,omitzero"`
	// StopSignal asks the app to exit; "" is SIGTERM.
	StopSignal string `json:"stopSignal,omitempty"`
	// Workdir is the working directory: absolute, or relative to the app's directory, which is the default.
	Workdir string `json:"workdir,omitempty"`
	// Labels of the image.
	Labels map[string]string `json:"labels,omitzero"`
}
