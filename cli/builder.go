package cli

import (
	"path/filepath"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd"
	"github.com/nixpacks-cue/nixpacks/engine/docker"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
	"github.com/nixpacks-cue/nixpacks/engine/solve"
)

// builderFlags select the BuildKit that builds, and how to connect to it. The TLS flags have buildctl's names, the flags
// for the Docker engine have Nixpacks' names.
func builderFlags() []ucli.Flag {
	return []ucli.Flag{
		&ucli.StringFlag{Name: "builder", Category: aboutBuilder,
			Usage: "build with the BuildKit at `ADDRESS`, or docker for the Docker engine (default: $BUILDKIT_HOST, else embedded)"},
		&ucli.StringFlag{Name: "tlscacert", Category: aboutBuilder, Usage: "verify a tcp:// builder with the CA certificates in `FILE` (default: this machine's)"},
		&ucli.StringFlag{Name: "tlscert", Category: aboutBuilder, Usage: "use the client certificate in `FILE` for a tcp:// builder"},
		&ucli.StringFlag{Name: "tlskey", Category: aboutBuilder, Usage: "use the client certificate's private key in `FILE`"},
		&ucli.StringFlag{Name: "tlsdir", Category: aboutBuilder, Usage: "read these files from `DIR`: ca.pem, cert.pem and key.pem, or ca.crt, tls.crt and tls.key"},
		&ucli.StringFlag{Name: "tlsservername", Category: aboutBuilder, Usage: "expect `NAME` in the certificate of a tcp:// builder (default: the host in its address)"},
		&ucli.StringFlag{Name: "docker-host", Category: aboutBuilder, Usage: "build with the Docker engine at `ADDRESS` (unix://, tcp:// or ssh://)"},
		&ucli.StringFlag{Name: "docker-tls-verify", Category: aboutBuilder, Usage: "use TLS and verify the Docker engine if `VALUE` is not empty, like $DOCKER_TLS_VERIFY"},
		&ucli.StringFlag{Name: "docker-cert-path", Category: aboutBuilder, Usage: "read ca.pem, cert.pem and key.pem for the Docker engine from `DIR` (default: $DOCKER_CERT_PATH, else ~/.docker)"},
	}
}

// builderTarget returns the BuildKit that the command line or the environment names.
func builderTarget(c *ucli.Context, h *Host) (solve.Target, error) {
	t := solve.Target{Builder: c.String("builder"), From: "--builder", Docker: dockerEngine(c, h)}
	for _, flag := range []string{"docker-host", "docker-tls-verify", "docker-cert-path"} {
		if !c.IsSet(flag) {
			continue
		}
		if t.Builder == "" {
			t.Builder, t.From = "docker", "--"+flag
		} else if !t.IsDocker() {
			return t, fault.New(fault.Usage, "--%s configures the connection to a Docker engine, but the builder is %s", flag, t.Builder).
				WithHint("remove --builder or --%s", flag)
		}
	}
	if t.Builder == "" {
		t.Builder, t.From = environMap(h.Environ)["BUILDKIT_HOST"], "BUILDKIT_HOST"
	}
	var err error
	t.TLS, err = builderTLS(c)
	if err == nil && t.TLS != (solve.TLS{}) && t.Builder == "" {
		err = fault.New(fault.Usage, "the TLS flags require a tcp:// builder").WithHint("add --builder tcp://HOST:PORT")
	}
	return t, err
}

// stepNetwork adds --network to the build graph unless the embedded BuildKit builds, which is started with that network
// instead.
func (b *theBuild) stepNetwork(c *ucli.Context, h *Host) error {
	t, err := builderTarget(c, h)
	if err != nil || t.Builder == "" || !c.IsSet("network") {
		return err
	}
	switch n := c.String("network"); n {
	case buildkitd.NetworkHost:
		b.request.Lower.Network = plan2llb.NetworkHost
	case buildkitd.NetworkNone:
		b.request.Lower.Network = plan2llb.NetworkNone
	default:
		return fault.New(fault.Usage, "unknown network %q", n).WithHint("use %q or %q", buildkitd.NetworkHost, buildkitd.NetworkNone)
	}
	return nil
}

// dockerEngine returns the Docker engine that the command line or Docker's own variables name.
func dockerEngine(c *ucli.Context, h *Host) docker.Engine {
	env := environMap(h.Environ)
	d := docker.Engine{Host: c.String("docker-host"), Context: env["DOCKER_CONTEXT"]}
	if d.Host == "" {
		d.Host = env["DOCKER_HOST"]
	}
	if d.Host != "" {
		d.Context = "" // as with docker, an address takes precedence over a context
	}
	d.TLSVerify = c.String("docker-tls-verify")+env["DOCKER_TLS_VERIFY"] != ""
	if d.CertPath = c.String("docker-cert-path"); d.CertPath == "" {
		d.CertPath = env["DOCKER_CERT_PATH"]
	}
	return d
}

// builderTLS reads the TLS flags. Files that are missing in --tlsdir are left empty.
func builderTLS(c *ucli.Context) (solve.TLS, error) {
	t := solve.TLS{CA: c.String("tlscacert"), Cert: c.String("tlscert"), Key: c.String("tlskey"), ServerName: c.String("tlsservername")}
	dir := c.String("tlsdir")
	if dir == "" {
		return t, nil
	}
	if t.CA+t.Cert+t.Key != "" {
		return t, fault.New(fault.Usage, "--tlsdir cannot be combined with --tlscacert, --tlscert or --tlskey").WithHint("give the directory or the files")
	}
	either := func(names ...string) string {
		for _, n := range names {
			if f := filepath.Join(dir, n); isFile(f) {
				return f
			}
		}
		return ""
	}
	t.CA, t.Cert, t.Key = either("ca.pem", "ca.crt"), either("cert.pem", "tls.crt"), either("key.pem", "tls.key")
	if t.CA+t.Cert+t.Key == "" {
		return t, fault.New(fault.Usage, "--tlsdir %s contains none of ca.pem, cert.pem, key.pem, ca.crt, tls.crt and tls.key", dir)
	}
	return t, nil
}
