package ledger

import (
	"strconv"
	"time"

	"bulkhead/call"
	"bulkhead/fault"
	"bulkhead/ledger/tiles"
	"bulkhead/wire"
)

// Version 1 of the entries. Members are in the order of their names, as RFC
// 8785 asks; members that are empty, zero or false are left out. These bytes
// never change: what must be said otherwise becomes a version of its own.

// link is where an entry of a call stands: the index of its admission, and of
// the call's entry before it. Each later entry of a call begins with these.
type link struct{ admission, previous int64 }

// appendLinked writes an entry of a call whose members after the first are in
// rest: "admission" is the first by name, so that the index, which is known
// only under the lock, is set before what was written outside it.
func appendLinked(b []byte, l link, head, tail []byte) []byte {
	b = strconv.AppendInt(append(b, `{"admission":`...), l.admission, 10)
	b = append(b, head...)
	b = strconv.AppendInt(append(b, `,"previous":`...), l.previous, 10)
	return append(b, tail...)
}

func (a *Admission) append(b []byte) []byte {
	const detail, offerings, nothing = 1, 2, 3
	for level := 0; ; level++ {
		e := object{b: b}
		e.open()
		e.text("action", string(a.Action))
		e.text("alias", a.Alias)
		e.stamp("at", a.At)
		e.text("call", string(a.Call))
		if a.Change >= 0 {
			e.int("change", a.Change)
		}
		e.text("commitment", string(a.Commitment))
		e.text("dialect", a.Dialect)
		e.text("estate", a.Estate)
		e.text("facts", string(a.Facts))
		e.word("kind", kindAdmission)
		e.name("marking")
		e.open()
		e.json("declared", a.Declared)
		e.json("effective", a.Effective)
		e.json("found", a.Found)
		e.close()
		e.name("permit")
		e.open()
		e.int("count", int64(len(a.Permit.Offerings)))
		if level < detail {
			e.json("detail", a.Permit.Detail)
		} else {
			if level < nothing {
				e.json("detail", a.Permit.Asked)
			}
			e.int("detail_bytes", int64(len(a.Permit.Detail.text)))
		}
		e.text("digest", string(a.Permit.Digest))
		if level < offerings {
			e.list("offerings", a.Permit.Offerings)
		}
		e.close()
		e.text("principal", a.Principal)
		e.text("purpose", a.Purpose)
		e.some("retries", int64(a.Retries))
		e.int("size", a.Size)
		e.flag("stream", a.Stream)
		e.json("subject", a.Subject)
		e.int("v", 1)
		e.text("workload", a.Workload)
		e.close()
		if len(e.b)-len(b) <= tiles.MaxEntry || level == nothing {
			return e.b
		}
	}
}

// append gives what stands before and after "previous".
func (s *AttemptStart) append(b []byte, id call.ID, attempt int) (out []byte, split int) {
	e := object{b: b, more: true}
	e.stamp("at", s.At)
	e.int("attempt", int64(attempt))
	e.text("call", string(id))
	e.edits(s.Edits)
	e.text("endpoint", s.Endpoint)
	e.word("kind", kindStart)
	e.text("model", s.Model)
	e.text("offering", s.Offering)
	split = len(e.b)
	e.text("region", s.Region)
	e.text("sent", string(s.Sent))
	e.int("v", 1)
	e.close()
	return e.b, split
}

func (n *AttemptEnd) append(b []byte, id call.ID) (out []byte, split int) {
	e := object{b: b, more: true}
	e.stamp("at", n.At)
	e.int("attempt", int64(n.Attempt))
	e.text("call", string(id))
	e.text("fault", string(n.Kind))
	e.micros("first_us", n.First)
	e.word("kind", kindEnd)
	split = len(e.b)
	e.some("status", int64(n.Status))
	e.micros("took_us", n.Took)
	e.int("v", 1)
	e.text("vendor_request", n.Vendor)
	e.close()
	return e.b, split
}

// maxLosses is how many losses an outcome names; more are counted.
const maxLosses = 64

// append leaves out what does not fit: losses are counted, then the marking.
func (o *Outcome) append(b []byte, id call.ID) (out []byte, split int) {
	for level := 0; ; level++ {
		out, split = o.appendAt(b, id, level)
		if len(out)-len(b) <= tiles.MaxEntry-linkRoom || level == 2 {
			return out, split
		}
	}
}

// linkRoom is what the two indexes of a linked entry take at most.
const linkRoom = 64

func (o *Outcome) appendAt(b []byte, id call.ID, level int) (out []byte, split int) {
	named := o.Losses[:min(len(o.Losses), maxLosses)]
	if level > 0 {
		named = nil
	}
	e := object{b: b, more: true}
	e.stamp("at", o.At)
	e.int("attempt", int64(o.Attempt))
	e.text("call", string(id))
	e.text("commitment", string(o.Commitment))
	e.word("ended", string(o.Ending))
	e.text("fault", string(o.Kind))
	e.text("finish", o.Finish)
	e.word("kind", kindOutcome)
	e.list("losses", named)
	if len(o.Losses) > len(named) {
		e.int("losses_count", int64(len(o.Losses)))
	}
	if level < 2 {
		e.json("marking", o.Marking)
	} else {
		e.int("marking_bytes", int64(len(o.Marking.text)))
	}
	split = len(e.b)
	e.int("size", o.Size)
	e.some("status", int64(o.Status))
	if o.Usage.Known {
		e.name("usage")
		e.open()
		e.some("cached_input", o.Usage.CachedInput)
		e.int("input", o.Usage.Input)
		e.int("output", o.Usage.Output)
		e.some("reasoning", o.Usage.Reasoning)
		by := "vendor"
		if o.Usage.Estimated {
			by = "estimate"
		}
		e.word("source", by)
		e.close()
	}
	e.int("v", 1)
	e.close()
	return e.b, split
}

// maxReasons is how many reasons a refusal names; more are counted, and are
// derived again from the estate.
const maxReasons = 32

// append leaves out what does not fit: reasons are counted, then markings and what was asked.
func (r *Refusal) append(b []byte) []byte {
	for level := 0; ; level++ {
		if out := r.appendAt(b, level); len(out)-len(b) <= tiles.MaxEntry || level == 2 {
			return out
		}
	}
}

func (r *Refusal) appendAt(b []byte, level int) []byte {
	quiet := r.Kind == fault.Spillage || r.Kind == fault.Contamination
	e := object{b: b}
	e.open()
	if !quiet {
		e.text("action", string(r.Action))
		e.text("alias", r.Alias)
	}
	if !quiet && level < 2 {
		asked := r.Asked
		if level == 1 {
			asked = r.Question
		}
		e.json("asked", asked)
	}
	e.stamp("at", r.At)
	e.text("call", string(r.Call))
	if !quiet && level < 2 {
		e.json("declared", r.Declared)
	}
	if !quiet {
		e.text("dialect", r.Dialect)
		e.text("digest", string(r.Digest))
	}
	if !quiet && level < 2 {
		e.json("effective", r.Effective)
	}
	e.text("estate", r.Estate)
	e.text("fault", string(r.Kind))
	e.word("kind", kindRefusal)
	e.text("principal", r.Principal)
	if !quiet {
		e.text("purpose", r.Purpose)
		named := r.Reasons[:min(len(r.Reasons), maxReasons)]
		if level > 0 {
			named = nil
		}
		e.reasons(named, len(r.Reasons))
	}
	e.int("v", 1)
	e.text("workload", r.Workload)
	e.close()
	return e.b
}

// edits writes what was replaced as [from, to, "by what"], bytes of the
// request and text; nothing if there are none.
func (o *object) edits(edits []wire.Edit) {
	if len(edits) == 0 {
		return
	}
	o.name("edits")
	o.b = append(o.b, '[')
	for i, e := range edits {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = append(o.b, '[')
		o.b = append(strconv.AppendInt(o.b, int64(e.Start), 10), ',')
		o.b = append(strconv.AppendInt(o.b, int64(e.End), 10), ',')
		o.b = append(appendString(o.b, string(e.With)), ']')
	}
	o.b = append(o.b, ']')
}

func (o *object) reasons(named []fault.Reason, count int) {
	if len(named) > 0 {
		o.name("reasons")
		o.b = append(o.b, '[')
		for i, r := range named {
			if i > 0 {
				o.b = append(o.b, ',')
			}
			o.open()
			o.text("offering", r.Offering)
			o.text("rule", r.Rule)
			o.text("source", r.Source)
			o.text("why", r.Why)
			o.close()
		}
		o.b = append(o.b, ']')
	}
	if count > len(named) {
		o.int("reasons_count", int64(count))
	}
}

func (c *Change) append(b []byte) []byte {
	e := object{b: b}
	e.open()
	e.text("action", c.Action)
	e.stamp("at", c.At)
	e.text("by", c.By)
	if len(c.Detail.text) < tiles.MaxEntry/2 {
		e.json("detail", c.Detail)
	} else {
		e.int("detail_bytes", int64(len(c.Detail.text)))
	}
	e.text("estate", c.Estate)
	e.word("kind", kindChange)
	e.text("name", c.Name)
	e.int("v", 1)
	e.text("via", c.Via)
	e.text("what", c.What)
	e.close()
	return e.b
}

// counts are requests of one minute that have no entry of their own.
type counts struct {
	since           time.Time
	unauthenticated int64
	malformed       int64
	refused         map[string]int64 // over the limit, by workload
	lost            int64            // of workloads beyond what refused may hold
}

func (c *counts) empty() bool {
	return c.unauthenticated == 0 && c.malformed == 0 && len(c.refused) == 0 && c.lost == 0
}

func (c *counts) append(b []byte, until time.Time, names []string) []byte {
	e := object{b: b}
	e.open()
	e.stamp("at", until)
	e.word("kind", kindCounts)
	e.some("malformed", c.malformed)
	if len(names) > 0 {
		e.name("refused")
		e.open()
		for _, n := range names {
			e.key(n)
			e.b = strconv.AppendInt(e.b, c.refused[n], 10)
		}
		e.close()
	}
	e.some("refused_more", c.lost)
	e.stamp("since", c.since)
	e.some("unauthenticated", c.unauthenticated)
	e.int("v", 1)
	e.close()
	return e.b
}

// opened is the entry of a process that begins to serve.
type opened struct {
	at        time.Time
	program   string
	marking   JSON
	banner    string
	previous  string // how the last one ended: stopped, died, none
	unknown   int64  // calls that were given the outcome unknown
	torn      int64  // bytes after the last entry that were not written in full
	rewritten int64  // tiles that were not yet durable and were written again
}

func (s *opened) append(b []byte) []byte {
	e := object{b: b}
	e.open()
	e.stamp("at", s.at)
	e.text("banner", s.banner)
	e.word("kind", kindOpened)
	e.word("last", s.previous)
	e.json("marking", s.marking)
	e.text("program", s.program)
	e.some("rewritten", s.rewritten)
	e.some("torn", s.torn)
	e.some("unknown", s.unknown)
	e.int("v", 1)
	e.close()
	return e.b
}

func appendClosed(b []byte, at time.Time, open int) []byte {
	e := object{b: b}
	e.open()
	e.stamp("at", at)
	e.word("kind", kindClosed)
	e.some("open", int64(open))
	e.int("v", 1)
	e.close()
	return e.b
}
