package plan2llb

import (
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/opencontainers/go-digest"

	"github.com/nixpacks-cue/nixpacks/engine/lazy"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

const (
	secretsDir = "/run/secrets"
	agentFile  = "/run/nixpacks/ssh-agent.sock"
	// hashKey names the variable by which a step depends on what its secrets are.
	hashKey = "NIXPACKS_SECRETS_HASH"
)

var secretID = lazy.Regexp(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

// secrets shows the phase's secrets to a step, whose environment is env: a secret stands in for a variable of its name,
// unless it is missing.
// As files they are readable by whoever runs the commands.
func (l *lowering) secrets(ph *plan.Phase, env map[string]string) []llb.RunOption {
	mode := 0o400
	if notRoot(l.in.Base.Config.User) != "" {
		mode = 0o444
	}
	var opts []llb.RunOption
	var hashes []string
	for _, s := range sortedSet(ph.Secrets) {
		id, optional := plan.ReadAsk(s)
		if optional && slices.Contains(ph.Secrets, id) {
			continue
		}
		common := []llb.SecretOption{llb.SecretID(id)}
		if optional {
			common = append(common, llb.SecretOptional)
		}
		opts = append(opts, llb.AddSecret(path.Join(secretsDir, id), append(common, llb.SecretFileOpt(0, 0, mode))...))
		// BuildKit gives an empty variable for a secret that is missing.
		if _, stays := env[id]; plan.IsVariable(id) && !(stays && optional && slices.Contains(l.in.Missing, id)) {
			delete(env, id)
			opts = append(opts, llb.AddSecret(id, append(common, llb.SecretAsEnv(true))...))
		}
		if h, ok := l.in.SecretHashes[id]; ok {
			hashes = append(hashes, id+"\x00"+h)
		}
	}
	if hashes != nil {
		env[hashKey] = digest.FromString("secrets\x00" + strings.Join(hashes, "\x00")).Encoded()
	}
	return opts
}

// agent lets a step use the phase's agent of SSH keys.
func (l *lowering) agent(ph *plan.Phase) []llb.RunOption {
	if ph.SSH == "" {
		return nil
	}
	mode := 0o600
	if notRoot(l.in.Base.Config.User) != "" {
		mode = 0o666
	}
	id, optional := plan.ReadAsk(ph.SSH)
	opts := []llb.SSHOption{llb.SSHID(id), llb.SSHSocketOpt(agentFile, 0, 0, mode)}
	if optional {
		opts = append(opts, llb.SSHOptional)
	}
	return []llb.RunOption{llb.AddSSHSocket(opts...)}
}

// secrets refuses ids that are no file's name, and those that steps have for themselves.
func (c *checks) secrets(at string, ph *plan.Phase) {
	for _, s := range ph.Secrets {
		if id, _ := plan.ReadAsk(s); !secretID().MatchString(id) {
			c.refuse("%s.secrets: %q is not the id of a secret", at, s).WithHint("an id has letters, digits, \"_\", \".\" and \"-\"; \"?\" behind it says that it may be missing")
		} else if strings.HasPrefix(id, CASecret) {
			c.refuse("%s.secrets: %q is a name of this program's own", at, s).WithHint("give the secret another id")
		}
	}
	if id, _ := plan.ReadAsk(ph.SSH); ph.SSH != "" && !secretID().MatchString(id) {
		c.refuse("%s.ssh: %q is not the id of an agent of SSH keys", at, ph.SSH).WithHint(`write "default", as nixpacks build --ssh default gives it`)
	}
}
