package verify

import (
	"fmt"
	"slices"
)

// calls follows what the entries say of calls, and knows what may come next.
// It holds the calls that are open and nothing of those that are closed.
type calls struct {
	open     map[int64]*openCall
	byID     map[string]int64
	expect   *Entry // the admission whose first attempt must come now
	ended    string // stop, or unknown: only what belongs to a start may come
	unknown  int64  // outcomes since then
	begun    bool
	unlisted int64
}

type openCall struct {
	id        string
	offerings []string
	unlisted  bool
	started   int64
	done      []int64 // attempts that have their end
	last      int64   // its last entry
}

func newCalls() *calls { return &calls{open: map[int64]*openCall{}, byID: map[string]int64{}} }

// next takes the next entry, and says what is wrong with it at this place.
func (c *calls) next(e *Entry) error {
	if !c.begun && e.Kind != "start" {
		return fmt.Errorf("the log begins with %s, not with a start", e.Kind)
	}
	if c.expect != nil && (e.Kind != "attempt-start" || e.Admission != c.expect.Index) {
		return fmt.Errorf("the admission at %d is not followed by the start of its first attempt", c.expect.Index)
	}
	c.expect = nil
	unknown := e.Kind == "outcome" && e.Ended == "unknown"
	if c.ended != "" && e.Kind != "start" && !unknown {
		return fmt.Errorf("%s follows a %s without a start between them", e.Kind, c.ended)
	}
	switch e.Kind {
	case "start":
		return c.start(e)
	case "stop":
		c.ended, c.unknown = "stop", 0
		if e.Open != int64(len(c.open)) {
			return fmt.Errorf("the stop counts %d open calls; there are %d", e.Open, len(c.open))
		}
	case "admission":
		return c.admission(e)
	case "attempt-start", "attempt-end", "outcome":
		return c.linked(e)
	}
	return nil
}

func (c *calls) start(e *Entry) error {
	if n := len(c.open); n > 0 {
		oldest := slices.Min(keys(c.open))
		return fmt.Errorf("the log was started while the admission at %d had no outcome (%d in all)", oldest, n)
	}
	if e.Unknown != c.unknown {
		return fmt.Errorf("the start counts %d calls without a known outcome; there are %d", e.Unknown, c.unknown)
	}
	c.begun, c.ended, c.unknown = true, "", 0
	return nil
}

func keys(m map[int64]*openCall) []int64 {
	out := make([]int64, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	return out
}

func (c *calls) admission(e *Entry) error {
	if at, ok := c.byID[e.Call]; ok {
		return fmt.Errorf("call %s is admitted and was already, at %d", e.Call, at)
	}
	c.byID[e.Call] = e.Index
	c.open[e.Index] = &openCall{id: e.Call, offerings: e.Offerings, unlisted: e.Unlisted, last: e.Index}
	c.expect = e
	if e.Unlisted {
		c.unlisted++
	}
	return nil
}

func (c *calls) linked(e *Entry) error {
	o := c.open[e.Admission]
	switch {
	case o == nil:
		return fmt.Errorf("%s of call %s: the entry at %d is no admission that is open", e.Kind, e.Call, e.Admission)
	case o.id != e.Call:
		return fmt.Errorf("%s of call %s names the admission of call %s", e.Kind, e.Call, o.id)
	case o.last != e.Previous:
		return fmt.Errorf("%s of call %s follows its entry %d; its last one is %d", e.Kind, e.Call, e.Previous, o.last)
	}
	o.last = e.Index
	switch e.Kind {
	case "attempt-start":
		if e.Attempt != o.started+1 {
			return fmt.Errorf("attempt %d of call %s follows attempt %d", e.Attempt, e.Call, o.started)
		}
		if !o.unlisted && !slices.Contains(o.offerings, e.Offering) {
			return fmt.Errorf("attempt %d of call %s goes to %s, which its permit does not allow", e.Attempt, e.Call, e.Offering)
		}
		o.started++
	case "attempt-end":
		if e.Attempt < 1 || e.Attempt > o.started {
			return fmt.Errorf("attempt %d of call %s ends and was not started", e.Attempt, e.Call)
		}
		if slices.Contains(o.done, e.Attempt) {
			return fmt.Errorf("attempt %d of call %s ends twice", e.Attempt, e.Call)
		}
		o.done = append(o.done, e.Attempt)
	case "outcome":
		return c.outcome(e, o)
	}
	return nil
}

func (c *calls) outcome(e *Entry, o *openCall) error {
	if e.Attempt > o.started {
		return fmt.Errorf("call %s was answered by attempt %d, which was not started", e.Call, e.Attempt)
	}
	switch e.Ended {
	case "complete", "cut":
		if e.Attempt < 1 {
			return fmt.Errorf("call %s ended %s and no attempt answered", e.Call, e.Ended)
		}
	case "cancelled", "refused":
	case "unknown":
		if c.ended == "" {
			c.ended, c.unknown = "death", 0
		}
		c.unknown++
	default:
		return fmt.Errorf("call %s ended %q, which is no ending", e.Call, e.Ended)
	}
	delete(c.open, e.Admission)
	delete(c.byID, o.id)
	return nil
}
