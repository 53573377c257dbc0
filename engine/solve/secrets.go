package solve

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/moby/buildkit/session/sshforward/sshprovider"

	"github.com/nixpacks-cue/nixpacks/engine/base"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
)

// attachables returns the session attachables that serve secrets and SSH agents to the build.
func attachables(req Request) ([]session.Attachable, error) {
	values, err := secretValues(req)
	if err != nil {
		return nil, err
	}
	out := []session.Attachable{secretsprovider.NewSecretProvider(secretStore(values))}
	if len(req.SSH) == 0 {
		return out, nil
	}
	a, err := agents(req.SSH)
	return append(out, a), err
}

// secretValues reads all secrets up front, so that an invalid one is reported before anything runs.
func secretValues(req Request) (map[string][]byte, error) {
	values := map[string][]byte{}
	if req.CAFile != "" {
		raw, err := base.ReadUpTo(req.CAFile, MaxSecret)
		if err != nil {
			return nil, fault.Wrap(fault.Usage, err, "the CA bundle %s cannot be read", req.CAFile)
		}
		values[plan2llb.CASecret] = raw
	}
	for _, id := range slices.Sorted(maps.Keys(req.Secrets)) {
		if err := fits(req.Secrets[id], "the secret "+id); err != nil {
			return nil, err
		}
		values[id] = req.Secrets[id]
	}
	maps.Copy(values, proxyValues(req.Proxies))
	return values, nil
}

// splitSecrets splits the secrets that the plan asks for: missing are the optional ones without a value, given are those that
// have one.
func splitSecrets(p *plan.Plan, req Request) (missing, given []string) {
	own := proxyValues(req.Proxies)
	for _, a := range p.AskedSecrets() {
		_, set := req.Secrets[a.ID]
		switch {
		case set || own[a.ID] != nil:
			given = append(given, a.ID)
		case a.Optional:
			missing = append(missing, a.ID)
		}
	}
	return missing, given
}

// MaxSecret is the maximum size of a secret in bytes, as limited by BuildKit.
const MaxSecret = secretsprovider.MaxSecretSize

// fits rejects a secret that BuildKit would reject later.
func fits(value []byte, what string) error {
	if len(value) > MaxSecret {
		return fault.New(fault.Usage, "%s is too large: %d bytes, the maximum is %d", what, len(value), MaxSecret)
	}
	return nil
}

// agents serves SSH keys to steps that ask for them. The keys do not leave this process; steps get only signatures.
func agents(by map[string][]string) (session.Attachable, error) {
	var confs []sshprovider.AgentConfig
	for _, id := range slices.Sorted(maps.Keys(by)) {
		c := sshprovider.AgentConfig{ID: id, Paths: by[id]}
		if _, err := sshprovider.NewSSHAgentProvider([]sshprovider.AgentConfig{c}); err != nil {
			f := fault.New(fault.Usage, "the SSH agent %s (%s) cannot be used: %v", id, strings.Join(by[id], ", "), cause(err))
			return nil, f.WithHint("give the socket of an SSH agent, or a private key file without a passphrase")
		}
		confs = append(confs, c)
	}
	return sshprovider.NewSSHAgentProvider(confs)
}

// cause returns the innermost wrapped error.
func cause(err error) error {
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err
}
