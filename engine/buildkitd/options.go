package buildkitd

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Version is the version of the linked BuildKit. Its minor part names the state directory, since BuildKit may change its
// databases between minor versions.
const Version = "v0.33.1"

// The networks available to steps.
const (
	NetworkHost = "host" // the host network, including its loopback
	NetworkNone = "none" // loopback only
)

// Patience is the stall timeout for registries: a transfer fails if a registry sends and accepts nothing for this long.
// It is long because registries that store blobs in an object store pause at the end of a large upload.
const Patience = time.Minute

// Options configures an embedded engine.
type Options struct {
	State        string          // parent of the state directory; created with mode 0700
	Network      string          // NetworkHost or NetworkNone; "" is NetworkHost
	DNS          []string        // nameserver addresses for steps; if empty, those of the host
	Entitlements []string        // entitlements that builds may request, such as "network.host"
	KeepStorage  int64           // maximum size of layers and cache mounts kept after a build, in bytes; 0 is BuildKit's default
	Patience     time.Duration   // stall timeout for registries; 0 means the constant Patience
	MakesRoom    bool            // the engine is started to prune, and must start on a full disk too
	Log          io.Writer       `json:"-"` // receives BuildKit's log; nil discards it
	Debug        bool            // sets the log level to debug
	Say          func(string)    `json:"-"` // receives messages for the user, such as what the engine waits for; nil discards them
	Force        <-chan struct{} `json:"-"` // closed to stop waiting for other processes, including joined ones
}

func (o Options) say(text string) {
	if o.Say != nil {
		o.Say(text)
	}
}

// check rejects settings that would otherwise fail later, inside a build.
func (o Options) check() error {
	if o.State == "" {
		return fault.New(fault.Bug, "the embedded engine was given no state directory")
	}
	if o.Network != "" && o.Network != NetworkHost && o.Network != NetworkNone {
		return fault.New(fault.Usage, "unknown network %q", o.Network).WithHint("use %q or %q", NetworkHost, NetworkNone)
	}
	for _, a := range o.DNS {
		if _, err := netip.ParseAddr(a); err != nil {
			return fault.New(fault.Usage, "nameserver %q is not an IP address", a)
		}
	}
	return nil
}

// dir returns the state directory of the linked BuildKit version.
func (o Options) dir() string {
	return filepath.Join(o.State, Version[:strings.LastIndexByte(Version, '.')])
}

// identity returns the content of owner.json. Two processes can share an engine if their identities are equal byte for
// byte. Proxies are part of it because the engine pulls images through them. Their addresses can contain passwords, so
// only a hash is written.
func (o Options) identity() []byte {
	network := o.Network
	if network == "" {
		network = NetworkHost
	}
	entitlements := append([]string(nil), o.Entitlements...)
	sort.Strings(entitlements)
	dt, err := json.MarshalIndent(struct {
		Version      string   `json:"version"`
		Network      string   `json:"network"`
		DNS          []string `json:"dns,omitempty"`
		Entitlements []string `json:"entitlements,omitempty"`
		Proxies      string   `json:"proxies,omitempty"`
	}{Version, network, o.DNS, entitlements, proxies(os.Environ())}, "", "  ")
	if err != nil {
		panic(err) // cannot happen: the struct has only strings
	}
	return dt
}

// proxies hashes the environment variables that determine how the engine reaches a registry.
func proxies(environ []string) string {
	var set []string
	for _, kv := range environ {
		k, v, _ := strings.Cut(kv, "=")
		switch strings.ToUpper(k) {
		case "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR":
			if v != "" {
				set = append(set, kv)
			}
		}
	}
	if len(set) == 0 {
		return ""
	}
	sort.Strings(set)
	sum := sha256.Sum256([]byte(strings.Join(set, "\n")))
	return hex.EncodeToString(sum[:])
}
