package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"

	"bulkhead/ledger"
	"bulkhead/ledger/verify"
)

// chaosCall is the record of one call.
type chaosCall struct {
	id      string
	permit  []string
	starts  []string // offerings
	outcome string
	answers int
}

// check holds what was seen of a life against the record, once the next has begun.
func (c *chaos) check(life int) {
	c.t.Helper()
	byIndex, calls := map[int64]*chaosCall{}, map[int64]*chaosCall{}
	last := c.read
	report, err := verify.Log(c.t.Context(), verify.Files(os.DirFS(filepath.Join(c.dir, "data", ledger.LogName))), verify.Options{Each: func(e *verify.Entry) {
		last = max(last, e.Index+1)
		at := e.Admission
		if e.Kind == "admission" {
			at = e.Index
		}
		if at < c.read || e.Kind != "admission" && byIndex[at] == nil {
			return
		}
		var m struct {
			Call, Offering, Ended string
			Size                  int64
			Attempt               int
			Permit                struct{ Offerings []string }
		}
		if err := json.Unmarshal(e.Text, &m); err != nil {
			c.t.Fatal(err)
		}
		switch e.Kind {
		case "admission":
			byIndex[at] = &chaosCall{id: m.Call, permit: m.Permit.Offerings}
			calls[m.Size] = byIndex[at]
		case "attempt-start":
			byIndex[at].starts = append(byIndex[at].starts, m.Offering)
		case "outcome":
			byIndex[at].outcome, byIndex[at].answers = m.Ended, m.Attempt
		}
	}})
	if err != nil || report.Fault != nil || report.Open > 0 {
		c.t.Fatalf("life %d: the ledger: %v %+v", life, err, report)
	}
	for _, l := range byIndex {
		if l.outcome == "unknown" {
			c.counts["unknown"]++
		}
		for _, o := range l.starts {
			if !slices.Contains(l.permit, o) {
				c.t.Errorf("life %d: call %s was tried at %s, and its permit has %v", life, l.id, o, l.permit)
			}
		}
		if len(l.starts) > 6 {
			c.t.Errorf("life %d: call %s was tried %d times: %v", life, l.id, len(l.starts), l.starts)
		}
	}
	c.checkSeen(life, calls)
	c.read = last
}

// checkSeen holds what vendors and callers saw against the record.
func (c *chaos) checkSeen(life int, calls map[int64]*chaosCall) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, rec := range c.sim.Record() {
		i := slices.IndexFunc(chaosVendors, func(v chaosVendor) bool { return v.name == rec.Vendor })
		v := chaosVendors[i]
		n, whole := chaosNumber(rec.Body)
		if !whole {
			continue // the server died while it wrote
		}
		offering := v.name + "/" + v.model + "-at-" + v.name
		if l := calls[chaosSize(n)]; l == nil || !slices.Contains(l.starts, offering) {
			c.t.Errorf("life %d: %s saw call %d, and the record has %+v", life, offering, n, l)
		}
		for _, q := range c.quiet {
			if q.partition == v.partition && rec.ArrivedAt.After(q.from) && rec.ArrivedAt.Before(q.to) {
				c.t.Errorf("life %d: %s was asked %v after it was suspended", life, v.name, rec.ArrivedAt.Sub(q.from))
			}
		}
	}
	for n, g := range c.got {
		l := calls[chaosSize(n)]
		if l == nil || l.outcome != "complete" || l.id != g.call || l.answers < 1 || l.answers > len(l.starts) || g.offering != "" && l.starts[l.answers-1] != g.offering {
			c.t.Errorf("life %d: a client has the whole reply to call %d from %s, and the record has %+v", life, n, g.offering, l)
		}
	}
	c.got, c.quiet = map[int64]chaosReply{}, nil
	c.sim.ClearRecord()
}
