package prometheus

import (
	"sync"

	"bulkhead/catalog"
)

// names are those that may stand in a label: all that an estate of this process
// ever had. They are few, since estates are reviewed files.
type names struct {
	mu        sync.RWMutex
	workloads map[string]string
	aliases   map[string]string
	offerings map[string]string
	endpoints map[string]string
	homes     map[string]home // by full name of the offering
}

// learn takes in the names of an estate. moved: an offering that was known
// depends on something else from now on.
func (n *names) learn(e *catalog.Estate) (moved bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.workloads == nil {
		n.workloads, n.aliases, n.offerings = map[string]string{}, map[string]string{}, map[string]string{}
		n.endpoints, n.homes = map[string]string{}, map[string]home{}
	}
	for name, w := range e.Workloads {
		n.workloads[name] = name
		for alias := range w.Aliases {
			n.aliases[alias] = alias
		}
	}
	for _, o := range e.Offerings {
		n.offerings[o.Name] = o.Name
		if o.Endpoint != nil {
			n.endpoints[o.Endpoint.Name] = o.Endpoint.Name
		}
		h := homeOf(o)
		before, known := n.homes[o.Name]
		moved = moved || known && before != h
		n.homes[o.Name] = h
	}
	return moved
}

// home is what an offering depends on, and empty for one that is not known.
func (n *names) home(offering string) home {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.homes[offering]
}

// endpoint gives the name of an endpoint that is known, or an empty one.
func (n *names) endpoint(name string) string {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.endpoints[name]
}

// bound gives the names that are known, and an empty one for each that is not.
// What it gives is the estate's own text: a name that came in a request would
// keep the whole request in memory.
func (n *names) bound(workload, alias, offering string) (w, a, o string) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.workloads[workload], n.aliases[alias], n.offerings[offering]
}

// cache keeps what was made for a key. Its keys are bounded.
// A plain map under a lock, because a sync.Map would allocate for each look.
type cache[K comparable, V any] struct {
	mu   sync.RWMutex
	made map[K]V
}

func (c *cache[K, V]) load(k K) (V, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	v, ok := c.made[k]
	return v, ok
}

// forget lets everything be made anew.
func (c *cache[K, V]) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.made = nil
}

func (c *cache[K, V]) loadOrMake(k K, build func(K) V) V {
	if v, ok := c.load(k); ok {
		return v
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok := c.made[k]; ok {
		return v
	}
	if c.made == nil {
		c.made = map[K]V{}
	}
	v := build(k)
	c.made[k] = v
	return v
}
