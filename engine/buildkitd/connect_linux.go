package buildkitd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/moby/buildkit/client"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Connect returns a client of the engine whose state is below o.State. It starts an engine, or joins the one that another
// process has started there and returns joined as true. The caller must call closer when its work is done, even if ctx
// has ended. closer blocks until everything that this process started is gone, which can include waiting for joined
// processes (o.Say reports this, o.Force stops it).
//
// While another process uses the state with different settings, Connect waits until ctx ends.
func Connect(ctx context.Context, o Options) (c *client.Client, closer func() error, joined bool, err error) {
	dir, err := prepare(o)
	if err != nil {
		return nil, nil, false, err
	}
	SetLog(o.Log, o.Debug) // of the client, in this process
	if o.MakesRoom {
		removeSpare(dir)
	}
	shown := ""
	for tries := 1; ; tries++ {
		lock, err := tryLock(dir)
		if err != nil {
			return nil, nil, false, fault.Wrap(fault.Usage, err, "the state directory %s cannot be locked", dir)
		}
		if lock != nil {
			c, closer, err := own(ctx, o, dir, lock)
			return c, closer, false, err
		}
		c, why := join(ctx, o, dir)
		if c != nil {
			return c, c.Close, true, nil
		}
		if tries == patience && why == "" {
			why = fmt.Sprintf("waiting for another nixpacks process that uses %s", dir)
		}
		if why != "" && why != shown {
			shown = why
			o.say(why)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, nil, false, waitError(ctx, dir)
		}
	}
}

const (
	pause    = 30 * time.Millisecond // between two attempts to take the lock
	patience = 30                    // attempts before a message: an owner usually starts and ends much faster
)

func waitError(ctx context.Context, dir string) error {
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return fault.New(fault.TryAgain, "another nixpacks process uses %s", dir).WithHint("try again when it has finished, or use another state directory")
	}
	return fault.New(fault.Interrupted, "interrupted while waiting for another nixpacks process that uses %s", dir)
}

// joinTime limits how long an owner may take to answer. A stopped owner (SIGSTOP) never answers.
const joinTime = 5 * time.Second

// join connects to the owner. On failure, it may return the reason as a message for the user.
func join(ctx context.Context, o Options, dir string) (*client.Client, string) {
	theirs, err := os.ReadFile(filepath.Join(dir, ownerName))
	if err != nil {
		return nil, "" // the owner is starting or ending
	}
	if ours := o.identity(); !bytes.Equal(theirs, ours) {
		return nil, fmt.Sprintf("waiting for another nixpacks process that uses %s with other settings (%s)", dir, differences(theirs, ours))
	}
	c, err := dialClient(ctx, dir)
	if err != nil {
		return nil, ""
	}
	ctx, cancel := context.WithTimeout(ctx, joinTime)
	defer cancel()
	if _, err := c.Info(ctx); err != nil { // from here on the owner counts this process
		_ = c.Close()
		return nil, ""
	}
	return c, ""
}

// differences names the settings in which two identities differ.
func differences(a, b []byte) string {
	var x, y map[string]any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return "unreadable"
	}
	var out []string
	all := maps.Clone(x)
	maps.Copy(all, y)
	for _, k := range slices.Sorted(maps.Keys(all)) {
		if fmt.Sprint(x[k]) != fmt.Sprint(y[k]) {
			out = append(out, k)
		}
	}
	return strings.Join(out, ", ")
}

// dialClient returns a client of the engine whose socket is in dir.
func dialClient(ctx context.Context, dir string) (*client.Client, error) {
	dial := func(ctx context.Context, _ string) (net.Conn, error) { return dialSocket(ctx, dir) }
	return client.New(context.WithoutCancel(ctx), "passthrough:///embedded", client.WithContextDialer(dial))
}
