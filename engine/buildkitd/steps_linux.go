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

// steps is BuildKit's executor with a count of running steps. It is needed because a cancelled build returns before its
// steps are gone.
type steps struct {
	executor.Executor
	mode pb.NetMode // network mode of steps that do not set one

	mu      sync.Mutex
	running int
	idle    chan struct{} // closed when running becomes 0; nil while nobody waits
}

// Run runs a step's container.
func (s *steps) Run(ctx context.Context, id string, root executor.Mount, mounts []executor.Mount, p executor.ProcessInfo, started chan<- struct{}) (resourcestypes.Recorder, error) {
	s.enter()
	defer s.leave()
	// BuildKit passes the host's resolv.conf unchanged only if the host network is requested by name. With its default
	// provider, which is the same network, it replaces loopback nameservers with a public one.
	if p.Meta.NetMode == pb.NetMode_UNSET {
		p.Meta.NetMode = s.mode
	}
	return s.Executor.Run(ctx, id, root, mounts, p, started)
}

// Exec runs an additional process in a container.
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

// wait blocks until no step runs or ctx ends.
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

// dnsConfig overrides the nameservers of steps. A host whose resolv.conf names none resolves through its own loopback
// (resolv.conf(5)); BuildKit would use a public nameserver instead.
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
