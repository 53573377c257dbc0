package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/image"
)

// checkout writes the files of the current directory, as of a git revision, to a directory that done removes. The
// repository may be untrusted, and its configuration can name programs that git runs when it writes files. So git writes
// them from a separate bare repository, which shares the objects of this one and nothing else.
func checkout(ctx context.Context, rev string) (dir string, done func(), err error) {
	if rev == "" || strings.HasPrefix(rev, "-") {
		return "", nil, fault.New(fault.Usage, "git:%s is not a revision", rev).WithHint("write git:HEAD, git:v1.2 or the like")
	}
	temp, err := os.MkdirTemp("", "nixpacks-diff-")
	if err != nil {
		return "", nil, fault.Wrap(fault.TryAgain, err, "cannot create a directory for the files of git:%s", rev)
	}
	done = func() { os.RemoveAll(temp) }
	g := &git{ctx: ctx, bare: filepath.Join(temp, "git")}
	dir = filepath.Join(temp, "files")
	tree, err := g.borrow(rev)
	if err == nil {
		err = os.Mkdir(dir, 0o700)
	}
	if err == nil {
		err = g.write(tree, dir)
	}
	if err != nil {
		done()
		f := fault.Wrap(fault.Usage, err, "git cannot read the files of %s", rev).(*fault.Fault)
		f.Detail = strings.TrimSpace(g.said.String())
		return "", nil, f.WithHint("run this in the app's directory, in a git repository that contains the revision")
	}
	return dir, done, nil
}

// git runs git in the repository of the current directory, and in a separate bare repository.
type git struct {
	ctx  context.Context
	bare string
	said bytes.Buffer
}

// command returns a git command in the repository of the current directory. It fetches nothing, because the repository's
// configuration would decide how.
func (g *git) command(args ...string) *exec.Cmd {
	c := exec.CommandContext(g.ctx, "git", args...)
	c.Env = append(os.Environ(), "GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=none", "GIT_LFS_SKIP_SMUDGE=1")
	c.Stderr = &g.said
	return c
}

// isolated returns a git command in the bare repository.
func (g *git) isolated(args ...string) *exec.Cmd {
	c := g.command(args...)
	c.Env = slices.DeleteFunc(c.Env, func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains([]string{"GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_PREFIX"}, name)
	})
	c.Env, c.Dir = append(c.Env, "GIT_DIR="+g.bare), filepath.Dir(g.bare)
	return c
}

// borrow creates the bare repository, and returns the name in it of the current directory's tree in rev.
func (g *git) borrow(rev string) (tree string, err error) {
	out, err := g.command("rev-parse", "--show-object-format", "--git-path", "objects", "--show-prefix").Output()
	if err != nil {
		return "", err
	}
	about := strings.Split(string(out), "\n")
	if len(about) != 4 { // the output ends with a newline
		return "", errors.New("the repository's path has a line break")
	}
	objects, err := filepath.Abs(about[1])
	if err != nil {
		return "", err
	}
	name, err := g.command("rev-parse", "--verify", rev+"^{tree}").Output()
	if err != nil {
		return "", err
	}
	if err := g.isolated("init", "--quiet", "--bare", "--template=", "--object-format="+about[0], g.bare).Run(); err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Join(g.bare, "objects", "info"), 0o700); err != nil {
		return "", err
	}
	tree = strings.TrimSpace(string(name))
	if below := strings.TrimSuffix(about[2], "/"); below != "" {
		tree += ":" + below
	}
	return tree, os.WriteFile(filepath.Join(g.bare, "objects", "info", "alternates"), []byte(objects+"\n"), 0o600)
}

// write writes the files of a tree to dir.
func (g *git) write(tree, dir string) error {
	c := g.isolated("archive", "--format=tar", tree)
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		return err
	}
	return errors.Join(image.Unpack(g.ctx, dir, out), c.Wait())
}
