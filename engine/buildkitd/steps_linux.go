package buildkitd

import (
	"context"
	"os"
	"sync"

	"github.com/moby/buildkit/executor"
	"github.com/moby/buildkit/executor/oci"
	resourcestypes "github.com/moby/buildkit/executor/resources/types"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/resolvconf"
)

// steps is BuildKit's executor, with a count of what runs: a cancelled build returns before its steps are gone.
type steps struct {
	executor.Executor
	mode pb.NetMode // of a step that asks for no network in particular

	mu      sync.Mutex
	running int
	idle    chan struct{} // closed when running becomes 0; nil while nobody waits
}

// Run runs a step's container.
func (s *steps) Run(ctx context.Context, id string, root executor.Mount, mounts []executor.Mount, p executor.ProcessInfo, started chan<- struct{}) (resourcestypes.Recorder, error) {
	s.enter()
	defer s.leave()
	// Asking for the host's network by name is what makes BuildKit hand the host's resolv.conf over as it is.
	// With its default provider, though that is the same network, it takes loopback nameservers out and puts
	// a public one in.
	if p.Meta.NetMode == pb.NetMode_UNSET {
		p.Meta.NetMode = s.mode
	}
	return s.Executor.Run(ctx, id, root, mounts, p, started)
}

// Exec runs one more process in a container.
func (s *steps) Exec(ctx context.Context, id string, p executor.ProcessInfo) error {
	s.enter()
	defer s.leave()
	return s.Executor.Exec(ctx, id, p)
}

func (s *steps) enter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running++
}

func (s *steps) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running--; s.running == 0 && s.idle != nil {
		close(s.idle)
		s.idle = nil
	}
}

// wait blocks until nothing runs, or ctx ends.
func (s *steps) wait(ctx context.Context) error {
	s.mu.Lock()
	if s.running == 0 {
		s.mu.Unlock()
		return nil
	}
	if s.idle == nil {
		s.idle = make(chan struct{})
	}
	idle := s.idle
	s.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// dnsConfig overrides the nameservers of steps. A host whose resolv.conf names none resolves through its own
// loopback (resolv.conf(5)); BuildKit would put a public nameserver there.
func dnsConfig(servers []string, resolvConf string) *oci.DNSConfig {
	if len(servers) == 0 {
		rc, err := resolvconf.Load(resolvConf)
		if err != nil && !os.IsNotExist(err) || err == nil && len(rc.NameServers()) > 0 {
			return nil
		}
		servers = []string{"127.0.0.1"}
	}
	return &oci.DNSConfig{Nameservers: servers}
}
