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

// Version is that of the BuildKit which is linked in. Its minor part names the state directory, since BuildKit
// may change its databases from one minor version to the next.
const Version = "v0.33.1"

// The networks that steps can be given.
const (
	NetworkHost = "host" // the host's own, with its loopback
	NetworkNone = "none" // nothing but a loopback
)

// Patience is how long a registry may bring and take nothing before it is given up. Registries that keep their blobs in an object
// store are silent for a while at the end of a large upload.
const Patience = time.Minute

// Options are the settings of an embedded engine.
type Options struct {
	State        string          // directory below which state is kept; created with mode 0700
	Network      string          // NetworkHost or NetworkNone; "" is NetworkHost
	DNS          []string        // addresses of the nameservers of steps; none: the host's
	Entitlements []string        // what builds may ask for, such as "network.host"
	KeepStorage  int64           // most bytes of layers and cache directories that stay after a build; 0 is BuildKit's default
	Patience     time.Duration   // how long a registry may bring and take nothing; 0 is the constant Patience
	MakesRoom    bool            // it is started to prune: on a full disk too
	Log          io.Writer       `json:"-"` // gets BuildKit's own log; nil drops it
	Debug        bool            // that log in detail
	Say          func(string)    `json:"-"` // gets words for the user, such as what is waited for; nil drops them
	Force        <-chan struct{} `json:"-"` // closed: stop waiting for others, also those that use this engine
}

func (o Options) say(text string) {
	if o.Say != nil {
		o.Say(text)
	}
}

// check refuses settings that could only fail later, inside a build.
func (o Options) check() error {
	if o.State == "" {
		return fault.New(fault.Bug, "the embedded engine was given no state directory")
	}
	if o.Network != "" && o.Network != NetworkHost && o.Network != NetworkNone {
		return fault.New(fault.Usage, "unknown network %q", o.Network).WithHint("steps run with %q or %q", NetworkHost, NetworkNone)
	}
	for _, a := range o.DNS {
		if _, err := netip.ParseAddr(a); err != nil {
			return fault.New(fault.Usage, "nameserver %q is not an IP address", a)
		}
	}
	return nil
}

// dir is the directory of the linked BuildKit's state.
func (o Options) dir() string {
	return filepath.Join(o.State, Version[:strings.LastIndexByte(Version, '.')])
}

// identity is what an owner writes into owner.json: two processes can share an engine if it is the same, byte
// by byte. Proxies count since the engine pulls images through them; their addresses can hold passwords, so
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
		panic(err) // strings, and maps of them
	}
	return dt
}

// proxies hashes the variables of an environment that decide how the engine reaches a registry.
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
