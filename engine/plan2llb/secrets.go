package plan2llb

import (
	"maps"
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
	// hashKey names the variable that makes a step depend on the values of its secrets.
	hashKey = "NIXPACKS_SECRETS_HASH"
)

// offered are this program's own secrets that phases may name as credentials, in variables only.
var offered = []string{CASecret, JVMSecret, HTTPProxySecret, HTTPSProxySecret, ProxySecretOfAll}

var secretID = lazy.Regexp(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

// secrets mounts the phase's secrets in a step with the environment env. A secret replaces a variable of its name,
// unless the secret is missing. The files are readable by the user who runs the commands.
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
		// BuildKit sets an empty variable for a missing secret.
		if _, stays := env[id]; plan.IsVariable(id) && !(stays && optional && slices.Contains(l.in.Missing, id)) {
			delete(env, id)
			opts = append(opts, llb.AddSecret(id, append(common, llb.SecretAsEnv(true))...))
		}
		if h, ok := l.in.SecretHashes[id]; ok {
			hashes = append(hashes, id+"\x00"+h)
		}
	}
	opts, hashes = l.credentials(ph, env, mode, opts, hashes)
	if hashes != nil {
		env[hashKey] = digest.FromString("secrets\x00" + strings.Join(hashes, "\x00")).Encoded()
	}
	return opts
}

// credentials mounts the phase's credentials in a step, as secrets does. It adds the mounts to opts and the secret
// hashes to hashes. Missing credentials leave nothing: no empty file, and no empty variable, which programs would take
// for a token.
func (l *lowering) credentials(ph *plan.Phase, env map[string]string, mode int, opts []llb.RunOption, hashes []string) ([]llb.RunOption, []string) {
	for _, id := range slices.Sorted(maps.Keys(ph.Credentials)) {
		at, isVariable := plan.Place(ph.Credentials[id])
		switch {
		case isVariable && id == CASecret:
			if l.in.CA { // the path, not the content
				env[at] = caFile
			}
			continue
		case at == "" || isVariable && !slices.Contains(l.in.Given, id):
			continue
		case isVariable:
			delete(env, at)
			opts = append(opts, llb.AddSecret(at, llb.SecretID(id), llb.SecretOptional, llb.SecretAsEnv(true)))
		default:
			opts = append(opts, llb.AddSecret(at, llb.SecretID(id), llb.SecretOptional, llb.SecretFileOpt(0, 0, mode)))
		}
		if id == JVMSecret {
			opts = append(opts, llb.AddSecret(JVMFile, llb.SecretID(JVMFileSecret), llb.SecretOptional, llb.SecretFileOpt(0, 0, mode)))
		}
		if h, ok := l.in.SecretHashes[id]; ok {
			hashes = append(hashes, id+"\x00"+h)
		}
	}
	return opts, hashes
}

// agent gives a step access to the phase's SSH agent.
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

// secrets refuses ids that cannot be a file's name, and those reserved for this program.
func (c *checks) secrets(at string, ph *plan.Phase) {
	for _, s := range ph.Secrets {
		if id, _ := plan.ReadAsk(s); !secretID().MatchString(id) {
			c.refuse("%s.secrets: %q is not a secret ID", at, s).WithHint("an ID consists of letters, digits, \"_\", \".\" and \"-\"; a trailing \"?\" makes the secret optional")
		} else if strings.HasPrefix(id, ownSecrets) {
			c.refuse("%s.secrets: %q is reserved", at, s).WithHint("use another ID for the secret")
		}
	}
	c.credentials(at, ph)
	if id, _ := plan.ReadAsk(ph.SSH); ph.SSH != "" && !secretID().MatchString(id) {
		c.refuse("%s.ssh: %q is not an SSH agent ID", at, ph.SSH).WithHint(`write "default", which nixpacks build --ssh default provides`)
	}
}

var variableName = lazy.Regexp(`^[A-Za-z_][A-Za-z0-9_]*$`)

// credentials refuses invalid places. A file in a cache directory would leave an empty file there, which breaks later
// builds.
func (c *checks) credentials(at string, ph *plan.Phase) {
	for _, id := range slices.Sorted(maps.Keys(ph.Credentials)) {
		place, isVariable := plan.Place(ph.Credentials[id])
		where := at + ".credentials." + id
		switch {
		case !secretID().MatchString(id):
			c.refuse("%s.credentials: %q is not a secret ID", at, id).WithHint(`an ID consists of letters, digits, "_", "." and "-"`)
		case strings.HasPrefix(id, ownSecrets) && place != "" && !(isVariable && slices.Contains(offered, id)):
			c.refuse("%s is reserved", where).WithHint("use another ID for the secret")
		case place == "":
		case isVariable && !variableName().MatchString(place), !isVariable && (!path.IsAbs(place) || path.Clean(place) != place || place == "/"):
			c.refuse("%s: %q is not a location for a secret", where, ph.Credentials[id]).
				WithHint(`write a file path such as "~/.netrc", or "$NAME" for a variable`)
		case !isVariable:
			for _, dir := range ph.CacheDirectories {
				if t := cacheTarget(dir); strings.HasPrefix(place, t+"/") {
					c.refuse("%s: %s is in the cache directory %s, and would leave an empty file there", where, ph.Credentials[id], dir).
						WithHint("cache only the subdirectories that are needed")
				}
			}
		}
	}
}
