package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"bulkhead/catalog"
	"bulkhead/drill"
	"bulkhead/fault"
)

// Drills keeps reports of live drills durably. Its methods may be used at once
// from many goroutines.
type Drills interface {
	// PutDrill keeps the report of a drill, in the stead of what was kept of it.
	PutDrill(ctx context.Context, id string, began time.Time, report []byte) error
	// Drill gives the report of a drill, or nil if there is none.
	Drill(ctx context.Context, id string) (report []byte, err error)
	// ListDrills gives the reports of all drills, the oldest first.
	ListDrills(ctx context.Context) ([][]byte, error)
}

// NewDrill is a live drill that is asked for.
type NewDrill struct {
	Withdraw                   []catalog.Selector
	Workloads                  []string
	For                        time.Duration
	Reason, Document, Approver string
	Stop                       drill.Limits
}

// Bounds of a drill.
const (
	ShortestDrill = time.Second
	LongestDrill  = 24 * time.Hour
	drillTick     = 250 * time.Millisecond // how often its end and its stop conditions are looked at
)

// StartDrill withdraws for real, for some workloads and a while. It is stored and
// on the record before anything is withdrawn; if it cannot be, nothing is. There
// is one drill at a time. What it withdraws comes back of itself when its time is
// over, whatever becomes of this process; [Controller.WatchDrill] must run for it
// to be stopped before, and for its report.
func (c *Controller) StartDrill(ctx context.Context, by By, ask NewDrill) (report drill.Report, err error) {
	defer func() {
		told := report
		c.o.Told(ctx, Change{By: by, What: "drill_start", Drill: &told, Err: err})
	}()
	if c.o.Drills == nil || c.o.Suspend == nil {
		return report, fault.New(NotServing, "A live drill needs a running server.")
	}
	c.drilling.Lock()
	defer c.drilling.Unlock()
	if d := c.drill.Load(); d != nil {
		return report, fault.New(DrillUnderWay, "The drill %s is under way until %s. There is one at a time; bulkhead drill --stop %[1]s ends it.", d.ID, d.Until.Format(time.RFC3339))
	}
	now := c.o.Now().UTC().Truncate(time.Millisecond)
	made, err := c.planDrill(by, ask, now)
	if err != nil {
		return report, err
	}
	ctx, end := detached(ctx)
	defer end()
	c.suspend.Lock()
	defer c.suspend.Unlock()
	if err := c.begin(ctx, by, made); err != nil {
		return report, err
	}
	c.drill.Store(&made.Report)
	return made.Report, nil
}

// plannedDrill is a drill with what it withdraws.
type plannedDrill struct {
	drill.Report
	suspensions []catalog.Suspension
}

// planDrill refuses what may not be drilled, and says what would be withdrawn.
func (c *Controller) planDrill(by By, ask NewDrill, now time.Time) (*plannedDrill, error) {
	for _, line := range []struct{ field, text string }{{"reason", ask.Reason}, {"document", ask.Document}, {"approver", ask.Approver}} {
		switch {
		case strings.TrimSpace(line.text) == "":
			return nil, fault.New(fault.Malformed, "The %s is missing; say it, for whoever asks later.", line.field).At(line.field)
		case len(line.text) > maxReasonBytes || !utf8.ValidString(line.text) || strings.ContainsFunc(line.text, func(r rune) bool { return !unicode.IsPrint(r) }):
			return nil, fault.New(fault.Malformed, "The %s is one line of at most %d bytes of printable text.", line.field, maxReasonBytes).At(line.field)
		}
	}
	ask.Workloads = slices.Compact(slices.Sorted(slices.Values(ask.Workloads)))
	switch l := ask.Stop; {
	case ask.For < ShortestDrill || ask.For > LongestDrill:
		return nil, fault.New(fault.Malformed, "A drill takes from %v to %v, not %v.", ShortestDrill, LongestDrill, ask.For).At("for")
	case len(ask.Withdraw) == 0:
		return nil, fault.New(fault.Malformed, "Say what is withdrawn, such as vendor=globex.").At("withdraw")
	case len(ask.Workloads) == 0:
		return nil, fault.New(fault.Malformed, "Name the workloads that are drilled.").At("workloads")
	case !(l.Errors >= 0 && l.Errors <= 1):
		return nil, fault.New(fault.Malformed, "The share of failures that stops a drill is from 0 %% to 100 %%.").At("stop.errors")
	case !(l.Latency == 0 || l.Latency >= 1 && l.Latency <= 1e6) || !(l.Cost == 0 || l.Cost >= 1 && l.Cost <= 1e6):
		return nil, fault.New(fault.Malformed, "Latency and cost that stop a drill are multiples of those before, from 1 on.").At("stop")
	}
	e := c.o.Estate()
	for _, name := range ask.Workloads {
		w := e.Workloads[name]
		if w == nil {
			return nil, fault.New(UnknownWorkload, "The estate has no workload %q to drill. It has: %s.", name, strings.Join(slices.Sorted(slices.Values(c.o.Workloads())), ", ")).At("workloads")
		}
		if !w.Service.Drillable {
			return nil, fault.New(NotDrillable, "The workload %s is not drillable. If its owner agrees, write drillable: true in its file of the estate, and reload.", name).At("workloads")
		}
	}
	id, err := c.newID("drl-")
	if err != nil {
		return nil, fault.New(fault.Internal, "No drill was begun.").Because(err)
	}
	out := &plannedDrill{Report: drill.Report{ID: id, Marking: c.o.Banner(), Outcome: drill.Running, Estate: e.Digest, Workloads: ask.Workloads,
		Reason: ask.Reason, Document: ask.Document, Approver: ask.Approver, By: by.String(), Began: now, Until: now.Add(ask.For.Truncate(time.Millisecond)), Stop: ask.Stop}}
	for _, what := range ask.Withdraw {
		s := catalog.Suspension{What: what, Reason: ask.Reason, Document: ask.Document, From: now, Ends: out.Until, Only: ask.Workloads, Drill: id, Ordered: now, By: by.String()}
		covered, err := c.checkSuspension(&s, now)
		if err != nil {
			return nil, err
		}
		if s.ID, err = c.newID("sus-"); err != nil {
			return nil, fault.New(fault.Internal, "No drill was begun.").Because(err)
		}
		out.suspensions = append(out.suspensions, s)
		out.Withdrawn, out.Suspensions = append(out.Withdrawn, what.String()), append(out.Suspensions, s.ID)
		out.Covered = append(out.Covered, covered...)
	}
	out.Covered = slices.Compact(slices.Sorted(slices.Values(out.Covered)))
	out.Aliases = aliasesOf(e, out)
	return out, nil
}

// aliasesOf gives what a drill takes from each alias, and leaves it.
func aliasesOf(e *catalog.Estate, d *plannedDrill) []drill.Alias {
	out := []drill.Alias{}
	for _, name := range d.Workloads {
		w := e.Workloads[name]
		for _, alias := range slices.Sorted(maps.Keys(w.Aliases)) {
			a := drill.Alias{Workload: name, Alias: alias, Withdrawn: []string{}, Left: []string{}}
			for _, o := range w.Aliases[alias].Offerings {
				if slices.Contains(d.Covered, o.Name) {
					a.Withdrawn = append(a.Withdrawn, o.Name)
				} else {
					a.Left = append(a.Left, o.Name)
				}
			}
			out = append(out, a)
		}
	}
	return out
}

// begin stores a drill, puts it on the record, and withdraws. On an error what
// was stored of it holds nothing. The caller holds both locks.
func (c *Controller) begin(ctx context.Context, by By, d *plannedDrill) (err error) {
	var stored []catalog.Suspension
	defer func() {
		if err == nil {
			return
		}
		err = fault.New(fault.From(err).Kind, "No drill was begun: %s", fault.From(err).Message).Because(errors.Join(fault.From(err).Cause, c.undo(ctx, by, d, stored)))
	}()
	b, err := d.JSON()
	if err == nil {
		err = c.o.Drills.PutDrill(ctx, d.ID, d.Began, b)
	}
	for _, s := range d.suspensions {
		if err == nil {
			err = c.o.Suspensions.InsertSuspension(ctx, s)
		}
		if err == nil {
			stored = append(stored, s)
		}
	}
	if err != nil {
		return fault.New(fault.StoreUnavailable, "it could not be stored.").Because(err)
	}
	told := d.Report
	index, err := c.o.Record(ctx, Change{By: by, What: "drill_start", Drill: &told})
	for i := range d.suspensions {
		if err == nil {
			index, err = c.o.Record(ctx, Change{By: by, What: "suspend", Suspension: &d.suspensions[i]})
		}
	}
	if err != nil {
		return fault.New(fault.LedgerUnavailable, "it could not be put on the record.").Because(err)
	}
	c.o.Watch.Begin(d.Workloads, c.o.Now())
	if _, err = c.holdNow(ctx, index); err != nil {
		c.o.Watch.End(d.Workloads)
		return fault.New(fault.StoreUnavailable, "what is withdrawn could not be read.").Because(err)
	}
	return nil
}

// undo takes back a drill that did not begin.
func (c *Controller) undo(ctx context.Context, by By, d *plannedDrill, stored []catalog.Suspension) (err error) {
	now := c.o.Now().UTC().Truncate(time.Millisecond)
	for _, s := range stored {
		_, lift := c.o.Suspensions.LiftSuspension(ctx, s.ID, now, by.String())
		s.Lifted, s.LiftedBy = now, by.String()
		_, record := c.o.Record(ctx, Change{By: by, What: "resume", Suspension: &s})
		err = errors.Join(err, lift, record)
	}
	d.Outcome, d.Why, d.Ended = drill.Stopped, "it could not begin", &now
	b, bad := d.JSON()
	if bad == nil {
		bad = c.o.Drills.PutDrill(ctx, d.ID, d.Began, b)
	}
	_, hold := c.holdNow(ctx, -1)
	return errors.Join(err, bad, hold)
}

// WatchDrill ends the drill under way when its time is over or a stop condition
// is met, until ctx ends; then it ends what is under way.
func (c *Controller) WatchDrill(ctx context.Context) {
	if c.o.Drills == nil {
		return
	}
	tick := time.NewTicker(drillTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			_, _ = c.endDrill(ctx, By{Via: "stop"}, "", drill.Stopped, "the server ends")
			return
		case <-tick.C:
			if o, why := c.dueDrill(c.o.Now()); o != "" {
				_, _ = c.endDrill(ctx, By{Via: "drill"}, "", o, why) // what fails is told, and tried again
			}
		}
	}
}

// dueDrill says whether the drill under way should end, and why.
func (c *Controller) dueDrill(now time.Time) (drill.Outcome, string) {
	d := c.drill.Load()
	if d == nil {
		return "", ""
	}
	if !now.Before(d.Until) {
		return drill.Ended, ""
	}
	e := c.o.Estate()
	for _, name := range d.Workloads {
		if w := e.Workloads[name]; w == nil || !w.Service.Drillable {
			return drill.Stopped, "the workload " + name + " is no longer drillable"
		}
	}
	if why := c.o.Watch.Breach(d.Workloads, d.Stop, now); why != "" {
		return drill.Stopped, why
	}
	return "", ""
}

// StopDrill ends the drill under way at once and gives its report. To stop one
// that has ended changes nothing and is no error.
func (c *Controller) StopDrill(ctx context.Context, by By, id string) ([]byte, error) {
	if d := c.drill.Load(); d == nil || d.ID != id {
		return c.DrillReport(ctx, id)
	}
	return c.endDrill(ctx, by, id, drill.Stopped, "stopped by "+by.String())
}

// endDrill puts back what the drill under way has withdrawn, and keeps its
// report. Before its time nothing is put back that is not on the record as
// such; at its time it comes back of itself. On an error the drill is still
// under way, and ends with the next try.
func (c *Controller) endDrill(ctx context.Context, by By, id string, o drill.Outcome, why string) (report []byte, err error) {
	c.drilling.Lock()
	defer c.drilling.Unlock()
	d := c.drill.Load()
	if d == nil || id != "" && d.ID != id {
		if id == "" {
			return nil, nil
		}
		return c.DrillReport(ctx, id)
	}
	told := *d
	defer func() {
		if err != nil {
			err = fault.New(fault.From(err).Kind, "The drill %s goes on until %s at the latest: %s", d.ID, d.Until.Format(time.RFC3339), fault.From(err).Message).Because(fault.From(err).Cause)
		}
		c.o.Told(ctx, Change{By: by, What: "drill_end", Drill: &told, Err: err})
	}()
	ctx, end := detached(ctx)
	defer end()
	c.suspend.Lock()
	defer c.suspend.Unlock()
	now := c.o.Now().UTC().Truncate(time.Millisecond)
	if err := c.lift(ctx, by, d.ID, now); err != nil {
		return nil, err
	}
	r := c.soFar(d)
	r.Outcome, r.Why, r.EndedBy, r.Ended = o, why, by.String(), &now
	told = r
	if report, err = c.keepDrill(ctx, by, &r); err != nil {
		return nil, err
	}
	c.o.Watch.End(d.Workloads)
	c.drill.Store(nil)
	return report, nil
}

// lift lifts the suspensions of a drill that still hold, each once its end is on
// the record. The caller holds the lock of suspensions.
func (c *Controller) lift(ctx context.Context, by By, id string, now time.Time) error {
	all, err := c.o.Suspensions.ListSuspensions(ctx)
	if err != nil {
		return fault.New(fault.StoreUnavailable, "the suspensions could not be read.").Because(err)
	}
	index := int64(-1)
	for i := range all {
		s := &all[i]
		if s.Drill != id || !s.Lifted.IsZero() || s.Over(now) {
			continue
		}
		was := *s
		s.Lifted, s.LiftedBy = now, by.String()
		if index, err = c.o.Record(ctx, Change{By: by, What: "resume", Suspension: s}); err != nil {
			return fault.New(fault.LedgerUnavailable, "its end could not be put on the record.").Because(err)
		}
		if _, err := c.o.Suspensions.LiftSuspension(ctx, s.ID, s.Lifted, s.LiftedBy); err != nil {
			_, again := c.o.Record(ctx, Change{By: by, What: "suspend", Suspension: &was}) // as in Resume
			return fault.New(fault.StoreUnavailable, "its end could not be stored.").Because(errors.Join(err, again))
		}
	}
	if _, err := c.holdNow(ctx, index); err != nil {
		return fault.New(fault.StoreUnavailable, "the suspensions could not be read.").Because(err)
	}
	return nil
}

// keepDrill stores the report of a drill at its end and puts its digest on the record.
func (c *Controller) keepDrill(ctx context.Context, by By, r *drill.Report) ([]byte, error) {
	b, err := r.JSON()
	if err == nil {
		err = c.o.Drills.PutDrill(ctx, r.ID, r.Began, b)
	}
	if err != nil {
		return nil, fault.New(fault.StoreUnavailable, "its report could not be stored.").Because(err)
	}
	sum := sha256.Sum256(b)
	if _, err := c.o.Record(ctx, Change{By: by, What: "drill_end", Drill: r, Digest: hex.EncodeToString(sum[:])}); err != nil {
		return nil, fault.New(fault.LedgerUnavailable, "its report could not be put on the record.").Because(err)
	}
	return b, nil
}

// soFar is the report of a drill with what was counted.
func (c *Controller) soFar(d *drill.Report) drill.Report {
	r := *d
	r.Aliases = slices.Clone(d.Aliases)
	counted := c.o.Watch.Results(d.Workloads)
	for i := range r.Aliases {
		a := &r.Aliases[i]
		if n := slices.IndexFunc(counted, func(x drill.Alias) bool { return x.Workload == a.Workload && x.Alias == a.Alias }); n >= 0 {
			withdrawn, left := a.Withdrawn, a.Left
			*a = counted[n]
			a.Withdrawn, a.Left = withdrawn, left
		}
		a.Judge()
	}
	return r
}

// DrillReport gives the report of a drill, as [drill.Report.JSON] writes it; of
// the one under way, what is counted so far.
func (c *Controller) DrillReport(ctx context.Context, id string) ([]byte, error) {
	if c.o.Drills == nil {
		return nil, fault.New(NotServing, "No drills are kept here.")
	}
	if d := c.drill.Load(); d != nil && d.ID == id {
		r := c.soFar(d)
		return r.JSON()
	}
	b, err := c.o.Drills.Drill(ctx, id)
	switch {
	case err != nil:
		return nil, fault.New(fault.StoreUnavailable, "The drill could not be read.").Because(err)
	case b == nil:
		return nil, fault.New(NoSuchDrill, "There is no drill with this id; bulkhead drill --list shows them all.").At("id")
	}
	return b, nil
}

// ListDrills gives every live drill there is or was, the oldest first.
func (c *Controller) ListDrills(ctx context.Context) (out []drill.Report, err error) {
	if c.o.Drills == nil {
		return nil, nil
	}
	all, err := c.o.Drills.ListDrills(ctx)
	for _, b := range all {
		var r *drill.Report
		if err == nil {
			r, err = drill.Parse(b)
		}
		if err == nil {
			out = append(out, *r)
		}
	}
	if err != nil {
		return nil, fault.New(fault.StoreUnavailable, "The drills could not be read.").Because(err)
	}
	return out, nil
}

// putBack ends a drill that was under way when the process before this one died.
func (c *Controller) putBack(ctx context.Context) error {
	if c.o.Drills == nil || c.o.Suspend == nil {
		return nil
	}
	all, err := c.ListDrills(ctx)
	if err != nil {
		return err
	}
	by := By{Via: "start"}
	for _, r := range all {
		if r.Outcome != drill.Running {
			continue
		}
		c.suspend.Lock()
		now := c.o.Now().UTC().Truncate(time.Millisecond)
		err := c.lift(ctx, by, r.ID, now)
		if err == nil {
			r.Outcome, r.Why, r.EndedBy, r.Ended = drill.Interrupted, "the server ended without a word; what it had counted is lost", by.String(), &now
			for i := range r.Aliases {
				r.Aliases[i].Verdict = drill.Unknown
			}
			_, err = c.keepDrill(ctx, by, &r)
		}
		c.suspend.Unlock()
		c.o.Told(ctx, Change{By: by, What: "drill_end", Drill: &r, Err: err})
		if err != nil {
			return fmt.Errorf("end the drill %s: %w", r.ID, err)
		}
	}
	return nil
}
