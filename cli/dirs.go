package cli

import (
	"path/filepath"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// stateDir returns the directory for the embedded BuildKit and built images: $XDG_STATE_HOME/nixpacks, else
// ~/.local/state/nixpacks. It refuses one that belongs to another user.
func (h *Host) stateDir() (string, error) {
	dir, err := h.xdg("XDG_STATE_HOME", ".local/state")
	if err != nil {
		return "", err
	}
	for _, d := range []string{dir, filepath.Join(dir, imagesDir)} { // the engine checks its own
		if err := buildkitd.CheckOwner(d); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// imagesDir is the directory of built images in the state.
const imagesDir = "images"

// cacheDir returns the directory for downloads and bootstrapped bases: $XDG_CACHE_HOME/nixpacks, else ~/.cache/nixpacks.
func (h *Host) cacheDir() (string, error) { return h.xdg("XDG_CACHE_HOME", ".cache") }

func (h *Host) xdg(variable, below string) (string, error) {
	env := environMap(h.Environ)
	if d := env[variable]; filepath.IsAbs(d) {
		return filepath.Join(d, "nixpacks"), nil
	}
	home := env["HOME"]
	if !filepath.IsAbs(home) {
		return "", fault.New(fault.Usage, "cannot choose a directory for files: neither %s nor HOME is set", variable).
			WithHint("set HOME, or %s to an absolute path", variable)
	}
	return filepath.Join(home, below, "nixpacks"), nil
}

// caFile returns the bundle of certificates that this machine trusts: SSL_CERT_FILE, else the system's own, or "" if there
// is none. Build steps get it too, so that they work behind a company's proxy.
func (h *Host) caFile() string {
	candidates := []string{
		"/etc/ssl/certs/ca-certificates.crt", // Debian, Alpine, Arch
		"/etc/pki/tls/certs/ca-bundle.crt",   // Fedora
		"/etc/ssl/ca-bundle.pem",             // openSUSE
		"/etc/ssl/cert.pem",                  // BSD, macOS
	}
	if f := environMap(h.Environ)["SSL_CERT_FILE"]; f != "" {
		candidates = []string{f}
	}
	for _, f := range candidates {
		if isFile(f) {
			return f
		}
	}
	return ""
}
