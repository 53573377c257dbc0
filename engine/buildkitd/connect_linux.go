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

// Connect gives a client of the engine that keeps its state below o.State: of one that it starts, or, with
// joined, of the one that another process has there. closer is called when the work is done, also after ctx
// ended; it blocks until everything this process started is gone, which can mean to wait for other processes
// that joined (o.Say says so, o.Force ends it).
//
// While another process with different settings uses the state, Connect waits until ctx ends.
func Connect(ctx context.Context, o Options) (c *client.Client, closer func() error, joined bool, err error) {
	dir, err := prepare(o)
	if err != nil {
		return nil, nil, false, err
	}
	SetLog(o.Log, o.Debug) // of the client, here
	if o.MakesRoom {
		spendSpare(dir)
	}
	told := ""
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
			why = fmt.Sprintf("waiting for another nixpacks that uses %s to end", dir)
		}
		if why != "" && why != told {
			told = why
			o.say(why)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, nil, false, gaveUp(ctx, dir)
		}
	}
}

const (
	pause    = 30 * time.Millisecond // between two looks at the lock
	patience = 30                    // looks before a word: an owner starts and ends in much less
)

func gaveUp(ctx context.Context, dir string) error {
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return fault.New(fault.TryAgain, "another nixpacks uses %s", dir).WithHint("try again when it is done, or choose another state directory")
	}
	return fault.New(fault.Interrupted, "interrupted while waiting for another nixpacks that uses %s", dir)
}

// joinTime is how long an owner may take to answer: one that is stopped (SIGSTOP) never does.
const joinTime = 5 * time.Second

// join connects to the owner; without success it may say why, in words for the user.
func join(ctx context.Context, o Options, dir string) (*client.Client, string) {
	theirs, err := os.ReadFile(filepath.Join(dir, ownerName))
	if err != nil {
		return nil, "" // it is starting, or ending
	}
	if ours := o.identity(); !bytes.Equal(theirs, ours) {
		return nil, fmt.Sprintf("waiting for another nixpacks that uses %s with other settings (%s)", dir, differences(theirs, ours))
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

// dialClient makes a client of the engine whose socket is in dir.
func dialClient(ctx context.Context, dir string) (*client.Client, error) {
	dial := func(ctx context.Context, _ string) (net.Conn, error) { return dialSocket(ctx, dir) }
	return client.New(context.WithoutCancel(ctx), "passthrough:///embedded", client.WithContextDialer(dial))
}
