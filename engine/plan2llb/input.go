package plan2llb

import (
	"net/netip"
	"strings"

	"github.com/moby/buildkit/client/llb"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

const (
	// AppLocal is the name of the llb.Local with the app's directory.
	AppLocal = "app"
	// CASecret is the id of the secret with a bundle of certificate authorities in PEM. A phase may name it as a
	// credential in a variable, which then holds the path of the file: for programs that read none of caVariables.
	CASecret = "nixpacks-ca"
	// TrustStoreSecret is the id of the secret with the same bundle as a JKS key store.
	TrustStoreSecret = "nixpacks-ca-jks"
	// HTTPProxySecret and HTTPSProxySecret are the ids of secrets with the URLs of the client's proxies, passwords
	// included. A phase may name them as credentials for programs that do not read the usual variables.
	HTTPProxySecret  = ownSecrets + "http-proxy"
	HTTPSProxySecret = ownSecrets + "https-proxy"
	// ProxySecretOfAll is for programs that know only one proxy: the one for https, if there is one, or else the one for
	// http.
	ProxySecretOfAll = ownSecrets + "proxy"
	// JVMSecret is the id of the credential that makes a JVM use the client's proxies. The variable's value is "@" and
	// the path JVMFile, which holds the secret JVMFileSecret: the options.
	JVMSecret     = ownSecrets + "jvm"
	JVMFileSecret = ownSecrets + "jvm-options"
	JVMFile       = secretsDir + "/" + JVMFileSecret
	// ownSecrets is the prefix of the ids of this program's own secrets.
	ownSecrets = "nixpacks-"
	// AppDir is the app's directory in the image.
	AppDir = "/app"
)

// Input is everything that a graph depends on.
type Input struct {
	// Plan is a finished plan (plan.Plan.Pin): it names its base and the revisions of nixpkgs.
	Plan *plan.Plan
	// Origins are where the plan's values were set, for messages about failed steps; nil if that is not known. They are
	// not part of the graph's digest.
	Origins *plan.Origins
	// Platform to build for; operating system and architecture are required.
	Platform ocispecs.Platform
	// Base is the image that Plan.BuildImage was resolved to.
	Base Source
	// Run is the image that Plan.Start.RunImage was resolved to; nil if the plan has none.
	Run *Source
	// Caps are the daemon's optional capabilities. Equal Caps give equal graphs.
	Caps Caps
	// CacheKey separates the app's cache directories from those of other apps. If it is "", there are none.
	CacheKey string
	// NoCache reruns every step, without cache directories.
	NoCache bool
	// NoCacheDirectories gives steps no cache directories; their results still come from the build cache.
	NoCacheDirectories bool
	// CA says that the client has the secrets CASecret and TrustStoreSecret: steps trust them. They are never part of
	// the image.
	CA bool
	// Mirrors replace the URLs that the Nix steps fetch.
	Mirrors []Mirror
	// Labels of the image. They override those of the base.
	Labels map[string]string
	// Ignore are patterns, in .dockerignore's syntax and order, of the app's files that are not copied. Nil stands for
	// version control's .git.
	Ignore []string
	// SecretHashes are texts that change with the value of a secret, by the secret's id. A changed text reruns the
	// phases that use the secret. The graph contains digests of these texts, not the texts.
	SecretHashes map[string]string
	// Missing are the ids of optional secrets that the client lacks: variables of their names keep their values. The
	// graph depends on Missing only if the plan has such variables.
	Missing []string
	// Given are the ids of credentials that the client has. The graph depends on it only for credentials in variables.
	Given []string
	// Hosts are additional lines for /etc/hosts of every step.
	Hosts []Host
	// Network of the steps.
	Network Network
	// Context is the source of the app's files.
	Context Context
	// Limits of every step.
	Limits Limits
	// Proxy is the proxy configuration of steps. It is not part of a step's cache key.
	Proxy *llb.ProxyEnv
	// ProxySecrets are the names of proxy variables, such as HTTPS_PROXY, whose values contain passwords. The client has
	// them as secrets (ProxySecret). A step's cache key depends on these names.
	ProxySecrets []string
	// Locked makes steps refuse Debian packages that differ from Plan.AptHashes, and Lower refuse a plan without such
	// hashes.
	Locked bool
	// LocalUniqueID, if set, makes the graph independent of the time at which it is made. It must be empty if the graph
	// is built: a daemon merges equal vertices, so one of two apps built at the same time would get the other's files.
	LocalUniqueID string
}

// Caps are capabilities that not every daemon has: Docker's classic store has neither. Without them the graph copies.
type Caps struct {
	Merge bool // merges file systems without copying (MergeOp)
	Diff  bool // takes the changes of a step as a separate file system (DiffOp)
}

// allCaps are the capabilities needed to merge the changes of steps.
var allCaps = Caps{Merge: true, Diff: true}

// Network is the network that steps can reach.
type Network string

// Networks for steps.
const (
	NetworkSandbox Network = ""     // the daemon's default
	NetworkHost    Network = "host" // that of the machine that runs them; the daemon must allow it
	NetworkNone    Network = "none"
)

// Context is the source of the app's files: State or, if it is nil, a directory that the client serves.
type Context struct {
	// Local is the name of the directory's llb.Local; "" is AppLocal.
	Local string
	// Session is the id of the session that serves it; "" is the build's own.
	Session string
	// State has the app's files at its root.
	State *llb.State
}

// Source is a resolved image.
type Source struct {
	// Ref is the image's reference. For a Layout or a State it is any text to display.
	Ref string
	// Digest of the image's manifest. If it is "", the build takes whatever the registry has for Ref at that time.
	Digest digest.Digest
	// Config is the image's configuration. Its environment, user and labels are kept.
	Config ocispecs.ImageConfig
	// Layers are the digests of the image's uncompressed layers, if they are known. An export that rewrites timestamps
	// leaves these layers unchanged.
	Layers []digest.Digest
	// Layout says that the client serves the image from an OCI layout, as the store StoreID.
	Layout  bool
	StoreID string
	// State, if set, is the image itself, loaded from elsewhere.
	State *llb.State
}

// Final returns the base of the final image: the run image, or else the build image.
func (in Input) Final() Source {
	if in.Run != nil {
		return *in.Run
	}
	return in.Base
}

// baseHistory names the base as the origin of its layers. Without it BuildKit names the source that it loaded them from;
// if two sources are the same image, the result depends on which one was loaded first.
func baseHistory(s Source) []ocispecs.History {
	by := "base image"
	if !strings.HasPrefix(s.Ref, "oci-layout:") { // a folder of this machine
		by += " " + s.Ref
	}
	var out []ocispecs.History
	for range s.Layers {
		out = append(out, ocispecs.History{CreatedBy: by})
	}
	return out
}

// Mirror replaces the prefix From of URLs by To. To starts with https://, http:// or file://; the latter names a folder
// on the client's machine (Result.Locals).
type Mirror struct {
	From, To string
}

// Host is a host name and its address.
type Host struct {
	Name string
	Addr netip.Addr
}

// Limits of a step; 0 means no limit.
type Limits struct {
	CPUQuota int64 // microseconds of CPU time per 100 ms
	Memory   int64 // bytes
}

// Result is a lowered plan.
type Result struct {
	Def *llb.Definition
	// Image is the image's configuration without layers and history, which the exporter adds.
	Image dockerspec.DockerOCIImage
	// Vertices of Def in topological order, dependencies first.
	Vertices []Vertex
	// Digest covers Def and Image.
	Digest digest.Digest
	// Steps are the vertices that run the phases' commands.
	Steps map[digest.Digest]Step
	// Locals maps the names of llb.Locals to the folders of the client's machine that mirrors need. The app's own,
	// AppLocal, is not among them.
	Locals map[string]string
}

// Vertex is one step of the graph.
type Vertex struct {
	Digest digest.Digest   `json:"digest"`
	Name   string          `json:"name"`
	Deps   []digest.Digest `json:"deps,omitempty"`
	// From is where the value that the vertex stands for was set, as file:line:column (Input.Origins).
	From string `json:"from,omitempty"`
}

// Step is a command of a phase.
type Step struct {
	Phase   string `json:"phase"`
	Command string `json:"command"`
}
