package control

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"bulkhead/catalog"
	"bulkhead/fault"
)

// Suspensions keeps suspensions durably. What a method has done is on disk when
// it returns nil; when it returns an error nothing has changed. Times are kept
// in UTC to the millisecond. Its methods may be used at once from many goroutines.
type Suspensions interface {
	// InsertSuspension adds a suspension. An id that exists is an error.
	InsertSuspension(ctx context.Context, s catalog.Suspension) error
	// LiftSuspension ends a suspension and reports whether it exists. One that
	// was lifted before keeps its instant.
	LiftSuspension(ctx context.Context, id string, at time.Time, by string) (found bool, err error)
	// ListSuspensions gives every suspension, the oldest first.
	ListSuspensions(ctx context.Context) ([]catalog.Suspension, error)
}

// restore puts in force what is in the store.
func (c *Controller) restore(ctx context.Context) error {
	if c.o.Suspensions == nil {
		return nil
	}
	_, err := c.holdNow(ctx, -1)
	return err
}

// holdNow puts in force what the store has and nobody has lifted.
func (c *Controller) holdNow(ctx context.Context, index int64) (cut int, err error) {
	all, err := c.o.Suspensions.ListSuspensions(ctx)
	if err != nil {
		return 0, fmt.Errorf("read suspensions: %w", err)
	}
	if c.o.Suspend == nil {
		return 0, nil
	}
	return c.o.Suspend(slices.DeleteFunc(all, func(s catalog.Suspension) bool { return !s.Lifted.IsZero() }), index), nil
}

// Suspended is what a suspension comes to at the moment it is ordered.
type Suspended struct {
	catalog.Suspension
	Offerings []string // of the estate in force that it covers
	Cut       int      // attempts under way that it has ended
}

// Suspend withdraws what s selects, from s.From on or at once if that is zero.
// Of s the caller gives What, Reason, Document, Cut, From, Ends, Only and the
// exemption.
// It is stored, then put on the record, then it holds. If the store cannot be
// written it does not hold, and the error says so. If the record cannot be
// written it holds all the same, and the error says that: nobody's data should
// go on flowing for want of a line about it.
func (c *Controller) Suspend(ctx context.Context, by By, s catalog.Suspension) (done Suspended, err error) {
	defer func() {
		told := s
		c.o.Told(ctx, Change{By: by, What: "suspend", Suspension: &told, Err: err})
	}()
	now := c.o.Now().UTC().Truncate(time.Millisecond)
	s.Ordered, s.By, s.Lifted, s.LiftedBy = now, by.String(), time.Time{}, ""
	if s.From.IsZero() {
		s.From = now
	}
	s.From = s.From.UTC().Truncate(time.Millisecond)
	if !s.Ends.IsZero() {
		s.Ends = s.Ends.UTC().Truncate(time.Millisecond)
	}
	if !s.Until.IsZero() {
		s.Until = s.Until.UTC().Truncate(time.Millisecond)
	}
	covered, err := c.checkSuspension(&s, now)
	if err != nil {
		return done, err
	}
	ctx, end := detached(ctx)
	defer end()
	c.suspend.Lock()
	defer c.suspend.Unlock()
	if s.ID, err = c.newID("sus-"); err == nil {
		err = c.o.Suspensions.InsertSuspension(ctx, s)
	}
	if err != nil {
		return done, fault.New(fault.StoreUnavailable, "Nothing is suspended, because that could not be stored.").Because(err)
	}
	index, unrecorded := c.o.Record(ctx, Change{By: by, What: "suspend", Suspension: &s})
	if unrecorded != nil {
		index = -1
	}
	done = Suspended{Suspension: s, Offerings: covered}
	if done.Cut, err = c.holdNow(ctx, index); err != nil {
		return done, fault.New(fault.StoreUnavailable, "The suspension %s is stored and NOT in force here; it will be after a restart.", s.ID).Because(errors.Join(err, unrecorded))
	}
	if unrecorded != nil {
		return done, fault.New(fault.LedgerUnavailable, "The suspension %s is in force, but that could not be put on the record.", s.ID).Because(unrecorded)
	}
	return done, nil
}

// String is who, and by which path.
func (b By) String() string {
	if b.Who == "" {
		return b.Via
	}
	return b.Who + " by " + b.Via
}

// newID makes an id that is easily told from that of a key or a call.
func (c *Controller) newID(prefix string) (string, error) {
	random := c.o.Random
	if random == nil {
		random = rand.Reader
	}
	var b [10]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", err
	}
	return prefix + strings.ToLower(base32.StdEncoding.EncodeToString(b[:])), nil
}

// maxReasonBytes keeps reason, document and approver lines.
const maxReasonBytes = 500

// checkSuspension refuses what would withdraw nothing or say nothing, and gives
// the offerings covered.
func (c *Controller) checkSuspension(s *catalog.Suspension, now time.Time) (covered []string, err error) {
	if c.o.Suspensions == nil || c.o.Offerings == nil {
		return nil, fault.New(NotServing, "Nothing is kept here that could be suspended.")
	}
	if _, err := catalog.ParseSelector(s.What.String()); err != nil {
		return nil, fault.New(fault.Malformed, "What is withdrawn %v.", err).At("what")
	}
	for _, line := range []struct {
		field, text string
		need        bool
	}{{"reason", s.Reason, true}, {"document", s.Document, true}, {"approver", s.Approver, len(s.Exempt) > 0}} {
		if line.need && strings.TrimSpace(line.text) == "" {
			return nil, fault.New(fault.Malformed, "The %s is missing; say it, for whoever asks later.", line.field).At(line.field)
		}
		if len(line.text) > maxReasonBytes || !utf8.ValidString(line.text) || strings.ContainsFunc(line.text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return nil, fault.New(fault.Malformed, "The %s is one line of at most %d bytes of printable text.", line.field, maxReasonBytes).At(line.field)
		}
	}
	switch {
	case s.From.Year() > 9999 || s.Until.Year() > 9999 || s.Ends.Year() > 9999:
		return nil, fault.New(fault.Malformed, "An instant lies beyond the year 9999.").At("from")
	case len(s.Exempt) == 0 && (s.Approver != "" || !s.Until.IsZero()):
		return nil, fault.New(fault.Malformed, "An approver and an end of the exemption are given, and nobody is exempted.").At("exempt")
	case len(s.Exempt) > 0 && (!s.Until.After(now) || !s.Until.After(s.From)):
		return nil, fault.New(fault.Malformed, "An exemption has an end, and it lies after the suspension begins.").At("expires")
	}
	if !s.Ends.IsZero() && (!s.Ends.After(now) || !s.Ends.After(s.From)) {
		return nil, fault.New(fault.Malformed, "A suspension ends after it begins, and not in the past.").At("ends")
	}
	for _, in := range []struct {
		field, to string
		names     []string
	}{{"exempt", "exempt", s.Exempt}, {"only", "suspend anything for", s.Only}} {
		for _, w := range in.names {
			if names := c.o.Workloads(); !slices.Contains(names, w) {
				return nil, fault.New(UnknownWorkload, "The estate has no workload %q to %s. It has: %s.", w, in.to, strings.Join(slices.Sorted(slices.Values(names)), ", ")).At(in.field)
			}
		}
	}
	var names []string
	for _, o := range c.o.Offerings() {
		names = append(names, s.What.NameOf(o))
		if s.Covers(o) {
			covered = append(covered, o.Name)
		}
	}
	if len(covered) == 0 {
		slices.Sort(names)
		return nil, fault.New(NothingCovered, "The estate in force has no offering of %s. It has, of that kind: %s.", s.What, strings.Join(slices.Compact(names), ", ")).At("what")
	}
	return covered, nil
}

// Resume lifts a suspension: what it withdrew may serve from the next call on,
// unless something else forbids it. It widens what may be, so it is on the
// record before it holds; if it cannot be, nothing is lifted. To lift again
// changes nothing and is no error.
func (c *Controller) Resume(ctx context.Context, by By, id string) (s catalog.Suspension, err error) {
	defer func() {
		told := s
		c.o.Told(ctx, Change{By: by, What: "resume", Suspension: &told, Err: err})
	}()
	if c.o.Suspensions == nil {
		return s, fault.New(NotServing, "Nothing is kept here that could be suspended.")
	}
	ctx, end := detached(ctx)
	defer end()
	c.suspend.Lock()
	defer c.suspend.Unlock()
	all, err := c.o.Suspensions.ListSuspensions(ctx)
	if err != nil {
		return s, fault.New(fault.StoreUnavailable, "Nothing is resumed, because the suspensions could not be read.").Because(err)
	}
	i := slices.IndexFunc(all, func(s catalog.Suspension) bool { return s.ID == id })
	if i < 0 {
		return s, fault.New(NoSuchSuspension, "There is no suspension with this id; bulkhead suspensions shows them all.").At("id")
	}
	if s = all[i]; !s.Lifted.IsZero() {
		return s, nil
	}
	s.Lifted, s.LiftedBy = c.o.Now().UTC().Truncate(time.Millisecond), by.String()
	index, err := c.o.Record(ctx, Change{By: by, What: "resume", Suspension: &s})
	if err != nil {
		return all[i], fault.New(fault.LedgerUnavailable, "The suspension stays in force, because its end could not be put on the record.").Because(err)
	}
	if _, err := c.o.Suspensions.LiftSuspension(ctx, id, s.Lifted, s.LiftedBy); err != nil {
		// The record says that it ended; the next entry says that it did not.
		_, again := c.o.Record(ctx, Change{By: by, What: "suspend", Suspension: &all[i]})
		return all[i], fault.New(fault.StoreUnavailable, "The suspension stays in force, because its end could not be stored.").Because(errors.Join(err, again))
	}
	if _, err := c.holdNow(ctx, index); err != nil {
		return s, fault.New(fault.StoreUnavailable, "The suspension is lifted in the store and still in force here; a restart lifts it.").Because(err)
	}
	return s, nil
}

// ListSuspensions gives every suspension there is or was, the oldest first.
func (c *Controller) ListSuspensions(ctx context.Context) ([]catalog.Suspension, error) {
	if c.o.Suspensions == nil {
		return nil, nil
	}
	all, err := c.o.Suspensions.ListSuspensions(ctx)
	if err != nil {
		return nil, fault.New(fault.StoreUnavailable, "The suspensions could not be read.").Because(err)
	}
	return all, nil
}
