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
	// AppLocal is the name of the llb.Local that is the app's directory.
	AppLocal = "app"
	// CASecret is the id of the secret that is a bundle of certificate authorities in PEM. A phase may name it as a credential that is a
	// variable, which then holds the path of the file: for programs that heed none of caVariables.
	CASecret = "nixpacks-ca"
	// TrustStoreSecret is the id of the secret that is the same bundle as a JKS key store.
	TrustStoreSecret = "nixpacks-ca-jks"
	// HTTPProxySecret and HTTPSProxySecret are the ids of the addresses of the client's proxies, passwords included, which a phase
	// may name as credentials for programs that read no variable that others read.
	HTTPProxySecret  = ownSecrets + "http-proxy"
	HTTPSProxySecret = ownSecrets + "https-proxy"
	// ProxySecretOfAll is the id of the one of these for programs that know one proxy alone: that for https, where there is one.
	ProxySecretOfAll = ownSecrets + "proxy"
	// JVMSecret is the id of the credential that makes a JVM use the client's proxies: a variable whose value, "@" and the path
	// JVMFile, names the secret JVMFileSecret, which has the options.
	JVMSecret     = ownSecrets + "jvm"
	JVMFileSecret = ownSecrets + "jvm-options"
	JVMFile       = secretsDir + "/" + JVMFileSecret
	// ownSecrets begins the ids of all secrets of this program's own.
	ownSecrets = "nixpacks-"
	// AppDir is where the app lies in the image.
	AppDir = "/app"
)

// Input is all that a graph depends on.
type Input struct {
	// Plan is a finished plan (plan.Plan.Pin): it names its base and the revisions of nixpkgs.
	Plan *plan.Plan
	// Origins say where the plan's values were set, for messages about steps that fail; nil where nobody knows. They are
	// no part of the graph's digest.
	Origins *plan.Origins
	// Platform to build for; operating system and architecture are required.
	Platform ocispecs.Platform
	// Base is what Plan.BuildImage was resolved to.
	Base Source
	// Run is what Plan.Start.RunImage was resolved to; nil where the plan has none.
	Run *Source
	// Caps are what the daemon can do beside running steps and copying files. The graph is the same for equal Caps.
	Caps Caps
	// CacheKey tells one app's cache directories from another's. With "" there are none.
	CacheKey string
	// NoCache runs every step anew and gives it no cache directories.
	NoCache bool
	// NoCacheDirectories gives steps no cache directories, and leaves their results in the cache.
	NoCacheDirectories bool
	// CA says that the client has the secrets CASecret and TrustStoreSecret: steps trust them. They are never part
	// of the image.
	CA bool
	// Mirrors say where to fetch what the Nix steps fetch.
	Mirrors []Mirror
	// Labels of the image, over those of the base.
	Labels map[string]string
	// Ignore are patterns, in .dockerignore's syntax and order, of files of the app that are not copied; nil stands for
	// version control's .git.
	Ignore []string
	// SecretHashes are texts that change when secrets do, by the ids of secrets: a changed one runs the phases again that ask
	// for that secret. They are not part of the graph, digests of them are.
	SecretHashes map[string]string
	// Missing are the ids of secrets that may be missing and are: variables of their names stay. The graph depends on it
	// only where there are such variables.
	Missing []string
	// Given are the ids of credentials that are there. The graph depends on it for those that are variables alone.
	Given []string
	// Hosts are more lines for /etc/hosts of every step.
	Hosts []Host
	// Network of the steps.
	Network Network
	// Context is where the app's files come from.
	Context Context
	// Limits of every step.
	Limits Limits
	// Proxy that steps use; no part of a step's cache key.
	Proxy *llb.ProxyEnv
	// ProxySecrets are the names of variables for proxies, such as HTTPS_PROXY, whose values hold passwords: the client has them
	// as secrets (ProxySecret). A step's cache key tells that there are some.
	ProxySecrets []string
	// Locked has steps refuse Debian packages that are not those of Plan.AptHashes, and the graph a plan without such hashes.
	Locked bool
	// LocalUniqueID makes the graph independent of the moment where it is set. It must be empty where the
	// graph is built: a daemon takes equal vertices for the same, so that of two apps built at once one
	// would get the other's files.
	LocalUniqueID string
}

// Caps are abilities that not every daemon has: Docker's classic store has neither. Without them the graph copies.
type Caps struct {
	Merge bool // lays file systems over one another without copying (MergeOp)
	Diff  bool // takes what a step changed as a file system of its own (DiffOp)
}

// allCaps is what it takes to lay the changes of steps over one another.
var allCaps = Caps{Merge: true, Diff: true}

// Network is what steps can reach.
type Network string

// The networks that steps can have.
const (
	NetworkSandbox Network = ""     // what the daemon gives
	NetworkHost    Network = "host" // that of the machine that they run on; the daemon must allow it
	NetworkNone    Network = "none"
)

// Context is where the app's files come from: without a State from a directory that the client serves.
type Context struct {
	// Local is the name of the directory's llb.Local; "" is AppLocal.
	Local string
	// Session that serves it; "" is the build's own.
	Session string
	// State has the files at its top.
	State *llb.State
}

// Source is an image that was resolved.
type Source struct {
	// Ref is the image's reference; for a Layout or a State any text, for display.
	Ref string
	// Digest of the image's manifest; "" takes whatever a registry has for Ref at that moment.
	Digest digest.Digest
	// Config is the image's configuration: its environment, user and labels are kept.
	Config ocispecs.ImageConfig
	// Layers are the digests of the image's layers, unpacked, where they are known: an export that rewrites the times
	// of files leaves these as they are.
	Layers []digest.Digest
	// Layout says that the client serves the image from an OCI layout, as the store StoreID.
	Layout  bool
	StoreID string
	// State, where set, is the image itself, from wherever it was loaded.
	State *llb.State
}

// Final is the image that the app's own layers come to lie on: that which runs, else that which builds.
func (in Input) Final() Source {
	if in.Run != nil {
		return *in.Run
	}
	return in.Base
}

// baseHistory names the base as what made its layers. Without it BuildKit says which of its sources it had them from, and
// which of two that are the same image that is depends on what came first.
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

// Mirror replaces the prefix From of URLs by To, which starts with https://, http:// or file://; the latter
// names a folder on the client's machine (Result.Locals).
type Mirror struct {
	From, To string
}

// Host is a name and its address.
type Host struct {
	Name string
	Addr netip.Addr
}

// Limits of a step; 0 is none.
type Limits struct {
	CPUQuota int64 // microseconds of CPU time in every 100 ms
	Memory   int64 // bytes
}

// Result is a plan as BuildKit takes it.
type Result struct {
	Def *llb.Definition
	// Image is the image's configuration, without layers and history, which the exporter adds.
	Image dockerspec.DockerOCIImage
	// Vertices of Def, each behind those that it needs.
	Vertices []Vertex
	// Digest covers Def and Image.
	Digest digest.Digest
	// Steps are the vertices that run the phases' commands.
	Steps map[digest.Digest]Step
	// Locals names the folders of the client's machine that mirrors need, by the name of their llb.Local.
	// The app's own, AppLocal, is not among them.
	Locals map[string]string
}

// Vertex is one step of the graph.
type Vertex struct {
	Digest digest.Digest   `json:"digest"`
	Name   string          `json:"name"`
	Deps   []digest.Digest `json:"deps,omitempty"`
	// From is where the value of the plan was set that the step stands for, as file:line:column (Input.Origins).
	From string `json:"from,omitempty"`
}

// Step is a command of a phase.
type Step struct {
	Phase   string `json:"phase"`
	Command string `json:"command"`
}
