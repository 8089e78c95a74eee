package main

import (
	"context"
	"errors"
	"runtime"
)

// competitor is a way from the load generator to the upstream.
type competitor interface {
	// name is one word, used in tables and after --only.
	name() string
	// prepare is called once, before anything is measured: it finds or builds
	// what start needs, with dir to work in, and gives the version. An error
	// that is errNotHere means: go on without.
	prepare(ctx context.Context, dir string) (version string, err error)
	// start starts it in front of the upstream.
	start(ctx context.Context, upstream string) (*gateway, error)
}

// errNotHere says that what is to be measured is not on this machine.
var errNotHere = errors.New("not here")

// gateway is a competitor at work.
type gateway struct {
	addr string
	lane lane   // what its callers speak, and what is behind it
	key  string // what callers must present; empty: nothing
	pids []int  // every process whose time and memory count; none for direct
	stop func()
}

const (
	nameDirect       = "direct"
	nameReverseProxy = "reverseproxy" // what ratios are taken to
	nameBulkhead     = "bulkhead"
	nameBeside       = "beside" // another Bulkhead, such as that of an earlier commit
)

// competitors lists all there are, in the order of a round. A path given for
// the binary of Bulkhead saves building it; with one for another binary, that
// is measured too.
func competitors(bulkheadPath, besidePath string) []competitor {
	all := []competitor{direct{}, &nginx{}, reverseProxy{}, &bulkhead{as: nameBulkhead, path: bulkheadPath}}
	for _, l := range []lane{laneAnthropicOpenAI, laneOpenAIBedrock} {
		all = append(all, &bulkhead{as: string(l), lane: l, path: bulkheadPath})
	}
	if besidePath != "" {
		all = append(all, &bulkhead{as: nameBeside, path: besidePath})
	}
	return all
}

// direct is the upstream itself: what the others add is counted from here.
type direct struct{}

var _ competitor = direct{}

func (direct) name() string { return nameDirect }

func (direct) prepare(context.Context, string) (string, error) { return "no gateway", nil }

func (direct) start(_ context.Context, upstream string) (*gateway, error) {
	return &gateway{addr: upstream, stop: func() {}}, nil
}

// reverseProxy is httputil.ReverseProxy in a process of its own, a sub-mode of
// this program.
type reverseProxy struct{}

var _ competitor = reverseProxy{}

func (reverseProxy) name() string { return nameReverseProxy }

func (reverseProxy) prepare(context.Context, string) (string, error) {
	return "net/http/httputil of " + runtime.Version(), nil
}

func (reverseProxy) start(ctx context.Context, upstream string) (*gateway, error) {
	c, err := startSelf(ctx, "reverseproxy", "-upstream", upstream)
	if err != nil {
		return nil, err
	}
	addr, err := c.ready("addr")
	if err != nil {
		c.stop()
		return nil, err
	}
	return &gateway{addr: addr, pids: []int{c.pid()}, stop: c.stop}, nil
}
