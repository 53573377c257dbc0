package solve

import (
	"errors"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/moby/buildkit/session/sshforward/sshprovider"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
)

// given serves to the build what phases and this program ask for.
func given(req Request) ([]session.Attachable, error) {
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

// secretValues reads the secrets now, so that one that is missing is reported before anything runs.
func secretValues(req Request) (map[string][]byte, error) {
	values := map[string][]byte{}
	if req.CAFile != "" {
		raw, err := os.ReadFile(req.CAFile)
		if err == nil {
			err = fits(raw, "the CA bundle "+req.CAFile)
		}
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

// presence tells of the secrets that a plan can do without which it has to do without, and which are there.
func presence(p *plan.Plan, req Request) (missing, given []string) {
	own := proxyValues(req.Proxies)
	for _, a := range p.AskedSecrets() {
		_, said := req.Secrets[a.ID]
		switch {
		case said || own[a.ID] != nil:
			given = append(given, a.ID)
		case a.Optional:
			missing = append(missing, a.ID)
		}
	}
	return missing, given
}

// MaxSecret is how many bytes a secret can have: those that BuildKit takes.
const MaxSecret = secretsprovider.MaxSecretSize

// fits refuses what BuildKit would refuse later.
func fits(value []byte, what string) error {
	if len(value) > MaxSecret {
		return fault.New(fault.Usage, "%s is too large: %d bytes, %d are allowed", what, len(value), MaxSecret)
	}
	return nil
}

// agents serve SSH keys to steps that ask for them. No key leaves this process: steps get answers to challenges.
func agents(by map[string][]string) (session.Attachable, error) {
	var confs []sshprovider.AgentConfig
	for _, id := range slices.Sorted(maps.Keys(by)) {
		c := sshprovider.AgentConfig{ID: id, Paths: by[id]}
		if _, err := sshprovider.NewSSHAgentProvider([]sshprovider.AgentConfig{c}); err != nil {
			f := fault.New(fault.Usage, "the agent of SSH keys %s (%s) cannot be used: %v", id, strings.Join(by[id], ", "), cause(err))
			return nil, f.WithHint("name the socket of an agent, or a file with a private key that has no passphrase")
		}
		confs = append(confs, c)
	}
	return sshprovider.NewSSHAgentProvider(confs)
}

// cause is the first of errors that were wrapped in one another.
func cause(err error) error {
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err
}
