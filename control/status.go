package control

import (
	"context"
	"time"
)

// Status is what a running process says of itself.
type Status struct {
	Version     string    `json:"version"`
	PID         int       `json:"pid"`
	Started     time.Time `json:"started"`
	Estate      string    `json:"estate"` // digest of the one in force
	Listen      string    `json:"listen"` // address of the data plane
	Control     string    `json:"control"`
	Draining    bool      `json:"draining"`
	NotEnforced []string  `json:"not_enforced"` // laws that this version does not enforce yet
	Keys        KeyCount  `json:"keys"`
}

// KeyCount says how many keys there are, each counted once.
type KeyCount struct {
	Active  int `json:"active"`
	Expired int `json:"expired"` // and not revoked
	Revoked int `json:"revoked"`
}

// Status gives what the process says of itself and counts the keys it knows.
func (c *Controller) Status(context.Context) Status {
	s, now := c.o.Status(), c.o.Now()
	s.Keys = KeyCount{}
	for _, key := range c.o.Keys.List() {
		switch {
		case !key.Revoked.IsZero():
			s.Keys.Revoked++
		case key.Holds(now):
			s.Keys.Active++
		default:
			s.Keys.Expired++
		}
	}
	return s
}
