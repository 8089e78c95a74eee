// Package control is the path of a change: the one way in which a running
// Bulkhead, or a command that owns the data folder itself, makes keys, revokes
// them, puts a new estate in force, and withdraws what is on offer.
//
// It is the counterpart of package gateway, the path of a call, and like it
// knows no faces (package console gives it a socket) and no adapters (a [Store]
// and a loader of estates are handed in). Every change is stored before it
// holds, and holds before its caller is told. Begin with [Controller].
package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"bulkhead/catalog"
	"bulkhead/drill"
	"bulkhead/fault"
	"bulkhead/identity"
)

// The kinds of refusal that only the path of a change has; it also uses those
// of package fault. Their strings are part of the outside form.
const (
	UnknownWorkload  fault.Kind = "unknown_workload"   // the estate has no workload of that name
	NoSuchKey        fault.Kind = "no_such_key"        // no key has that id
	EstateRefused    fault.Kind = "estate_refused"     // the estate on disk has faults; the one in force stays
	DigestDiffers    fault.Kind = "digest_differs"     // the estate on disk is not the one that was asked for
	NotServing       fault.Kind = "not_serving"        // no server runs here, so there is nothing to change
	NothingCovered   fault.Kind = "nothing_covered"    // the estate has nothing of what is to be withdrawn
	NoSuchSuspension fault.Kind = "no_such_suspension" // no suspension has that id
	NotDrillable     fault.Kind = "not_drillable"      // the estate does not let a workload be drilled
	DrillUnderWay    fault.Kind = "drill_under_way"    // there is one drill at a time
	NoSuchDrill      fault.Kind = "no_such_drill"      // no drill has that id
)

// DefaultTTL is how long a key holds if nobody says otherwise.
const DefaultTTL = 90 * 24 * time.Hour

// Store keeps keys durably. What a method has done is on disk when it returns
// nil; when it returns an error nothing has changed. Times are kept in UTC to
// the millisecond. Its methods may be used at once from many goroutines.
type Store interface {
	// InsertKey adds a key. An id that exists is an error.
	InsertKey(ctx context.Context, key identity.Key) error
	// RevokeKey ends a key and reports whether it exists. One that was revoked
	// before keeps its instant.
	RevokeKey(ctx context.Context, id string, at time.Time) (found bool, err error)
	// ListKeys gives every key, the oldest first.
	ListKeys(ctx context.Context) ([]identity.Key, error)
}

// Options is what a Controller is given. Store, Keys and Workloads are needed.
type Options struct {
	Store     Store
	Keys      *identity.Keyring
	Workloads func() []string // names in the estate in force

	// Reload reads the estate and, if it is whole and accept returns nil for
	// its digest, puts it in force. If it returns an error the estate in force
	// has not changed. Nil: nothing is served, as in a command.
	Reload func(ctx context.Context, by By, accept func(digest string) error) (oldDigest, newDigest string, err error)
	// Record puts a change of a key or a suspension on the record, durably, and
	// gives the index of its entry. Of an estate Reload does that itself, before
	// the estate holds. Nil: there is no record.
	Record func(ctx context.Context, c Change) (index int64, err error)

	Suspensions Suspensions                // where they are kept; nil: none can be made
	Offerings   func() []*catalog.Offering // of the estate in force; needed with Suspensions
	// Suspend puts suspensions in force, in the stead of those before; index is
	// that of the last change on the record, below zero if it is not known. It
	// gives how many attempts under way it has cut. Nil: nothing is served.
	Suspend func(all []catalog.Suspension, index int64) (cut int)

	Drills Drills                 // where reports of live drills are kept; nil: there are none
	Watch  *drill.Watch           // what calls met with; needed with Drills
	Estate func() *catalog.Estate // in force; needed with Drills
	Banner func() string          // marking of what a report says; needed with Drills

	Status func() Status                       // what the process says of itself; nil: nothing
	Told   func(ctx context.Context, c Change) // is told of each change, done or refused; nil: nobody
	Now    func() time.Time                    // nil: time.Now
	Random io.Reader                           // nil: the system's own
}

// By says who made a change, and by which path.
type By struct {
	Who string // such as "uid 1000"; empty: the process itself
	Via string // start, signal, watch, socket, command
}

// Change is what was done, or refused, for the log and the record.
type Change struct {
	By
	What     string // key_create, key_revoke, estate_reload, suspend, resume, drill_start, drill_end
	Key      string // id, where the key exists
	Workload string // as asked for
	Old, New string // digests
	Err      error  // nil: it was done

	Suspension *catalog.Suspension // nil: it is about another thing
	Drill      *drill.Report       // the same
	Digest     string              // of the drill's report at its end, as sha256sum gives it
}

// Controller makes changes, one at a time. Make one with [New].
type Controller struct {
	o       Options
	change  sync.Mutex // keys: so that store and keyring agree on the order
	reload  sync.Mutex
	suspend sync.Mutex // suspensions: the same

	drilling sync.Mutex                   // begin and end of a drill; before suspend, where both are held
	drill    atomic.Pointer[drill.Report] // the one under way; nil: none is. Never changed, only replaced
}

// New returns a controller whose keyring holds what is in the store.
func New(ctx context.Context, o Options) (*Controller, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Told == nil {
		o.Told = func(context.Context, Change) {}
	}
	if o.Record == nil {
		o.Record = func(context.Context, Change) (int64, error) { return -1, nil }
	}
	if o.Status == nil {
		o.Status = func() Status { return Status{} }
	}
	keys, err := o.Store.ListKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	o.Keys.Replace(keys)
	c := &Controller{o: o}
	if err := c.restore(ctx); err != nil {
		return c, err
	}
	return c, c.putBack(ctx)
}

// storeTimeout bounds one write. A change is not given up because its caller
// went away half-way: the store would say one thing and the keyring another.
const storeTimeout = 10 * time.Second

func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
}

// Until is how long a key is to hold, told at the instant it is made. Make one
// with [For] or [At]; nil is [DefaultTTL].
type Until func(made time.Time) time.Time

// For is a duration from when the key is made.
func For(ttl time.Duration) Until {
	return func(made time.Time) time.Time { return made.Add(ttl) }
}

// At is an instant, to the millisecond; the zero instant is never.
func At(expires time.Time) Until { return func(time.Time) time.Time { return expires } }

// CreateKey makes a key for a workload of the estate and gives its text, which
// cannot be had again, and its id. It holds from the next call on.
func (c *Controller) CreateKey(ctx context.Context, by By, workload, note string, until Until) (text, id string, err error) {
	key, err := c.create(ctx, by, workload, note, until, func(now, expires time.Time) (key identity.Key, err error) {
		key, text = c.o.Keys.Mint(c.o.Random, workload, note, now, expires)
		return key, nil
	})
	if err != nil {
		return "", "", err
	}
	return text, key.ID, nil
}

// CreateAccessKey is [Controller.CreateKey] for a key that AWS SDKs sign with.
func (c *Controller) CreateAccessKey(ctx context.Context, by By, workload, note string, until Until) (access identity.AccessKey, id string, err error) {
	key, err := c.create(ctx, by, workload, note, until, func(now, expires time.Time) (key identity.Key, err error) {
		key, access, err = c.o.Keys.MintAccessKey(c.o.Random, workload, note, now, expires)
		return key, err
	})
	if err != nil {
		return identity.AccessKey{}, "", err
	}
	return access, key.ID, nil
}

// create checks what a key is to be, mints it, stores it and puts it on the keyring.
func (c *Controller) create(ctx context.Context, by By, workload, note string, until Until, mint func(now, expires time.Time) (identity.Key, error)) (key identity.Key, err error) {
	defer func() {
		c.o.Told(ctx, Change{By: by, What: "key_create", Key: key.ID, Workload: workload, Err: err})
	}()
	if until == nil {
		until = For(DefaultTTL)
	}
	now := c.o.Now().UTC().Truncate(time.Millisecond)
	expires := until(now)
	if !expires.IsZero() {
		expires = expires.UTC().Truncate(time.Millisecond)
	}
	if err := c.checkKey(workload, note, expires, now); err != nil {
		return identity.Key{}, err
	}
	ctx, done := detached(ctx)
	defer done()
	c.change.Lock()
	defer c.change.Unlock()
	made, err := mint(now, expires)
	if err == nil {
		err = c.o.Store.InsertKey(ctx, made)
	}
	if err != nil {
		return identity.Key{}, fault.New(fault.StoreUnavailable, "No key was made, because it could not be stored.").Because(err)
	}
	if _, err := c.o.Record(ctx, Change{By: by, What: "key_create", Key: made.ID, Workload: workload}); err != nil {
		_, undone := c.o.Store.RevokeKey(ctx, made.ID, now) // it never held, and never will
		return identity.Key{}, fault.New(fault.LedgerUnavailable, "No key was made, because that could not be put on the record.").Because(errors.Join(err, undone))
	}
	c.o.Keys.Put(made)
	return made, nil
}

// maxNoteBytes keeps a note a line that fits a table.
const maxNoteBytes = 200

func (c *Controller) checkKey(workload, note string, expires, now time.Time) error {
	if names := c.o.Workloads(); !slices.Contains(names, workload) {
		known := "It has none."
		if len(names) > 0 {
			known = "It has: " + strings.Join(slices.Sorted(slices.Values(names)), ", ") + "."
		}
		return fault.New(UnknownWorkload, "The estate has no workload %q. %s", workload, known).At("workload")
	}
	// A control character could rewrite the terminal of whoever lists keys.
	if len(note) > maxNoteBytes || !utf8.ValidString(note) || strings.ContainsFunc(note, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fault.New(fault.Malformed, "A note is one line of at most %d bytes of printable text.", maxNoteBytes).At("note")
	}
	if !expires.IsZero() && !expires.After(now) {
		return fault.New(fault.Malformed, "The key would have expired already, at %s.", expires.Format(time.RFC3339)).At("expires")
	}
	if expires.Year() > 9999 {
		return fault.New(fault.Malformed, "A key cannot hold beyond the year 9999; for one that does not expire write never.").At("expires")
	}
	return nil
}

// ListKeys gives every key there is, the oldest first, as it is stored.
func (c *Controller) ListKeys(ctx context.Context) ([]identity.Key, error) {
	keys, err := c.o.Store.ListKeys(ctx)
	if err != nil {
		return nil, fault.New(fault.StoreUnavailable, "The keys could not be read.").Because(err)
	}
	return keys, nil
}

// RevokeKey ends a key from the next call on. To revoke it again changes
// nothing and is no error. If the store cannot be written the key still holds,
// here and after a restart, and the error says so. If the record cannot be
// written the key is revoked all the same, and the error says that.
func (c *Controller) RevokeKey(ctx context.Context, by By, id string) (err error) {
	var known string // what is no id may be a whole key, pasted, and is not told
	defer func() { c.o.Told(ctx, Change{By: by, What: "key_revoke", Key: known, Err: err}) }()
	ctx, done := detached(ctx)
	defer done()
	c.change.Lock()
	defer c.change.Unlock()
	now := c.o.Now().UTC().Truncate(time.Millisecond)
	found, err := c.o.Store.RevokeKey(ctx, id, now)
	if err != nil {
		return fault.New(fault.StoreUnavailable, "The key is NOT revoked, because that could not be stored.").Because(err)
	}
	if !found {
		return fault.New(NoSuchKey, "There is no key with this id. An id has 16 characters and stands between the two underscores of the key; bulkhead key list shows them all.").At("id")
	}
	c.o.Keys.Revoke(id, now)
	known = id
	if _, err := c.o.Record(ctx, Change{By: by, What: "key_revoke", Key: id}); err != nil {
		return fault.New(fault.LedgerUnavailable, "The key is revoked, but that could not be put on the record.").Because(err)
	}
	return nil
}

// Reload reads the estate anew and puts it in force, and gives the digests of
// the one before and the one after. With a digest to want, an estate of another
// one is refused before it is in force; it may be written with or without its
// "sha256:". Reloads do not overlap.
func (c *Controller) Reload(ctx context.Context, by By, want string) (oldDigest, newDigest string, err error) {
	defer func() {
		c.o.Told(ctx, Change{By: by, What: "estate_reload", Old: oldDigest, New: newDigest, Err: err})
	}()
	if c.o.Reload == nil {
		return "", "", fault.New(NotServing, "No server runs on this data folder; the next one to start reads the estate as it is then.")
	}
	c.reload.Lock()
	defer c.reload.Unlock()
	oldDigest, newDigest, err = c.o.Reload(ctx, by, func(digest string) error {
		if want == "" || want == digest || "sha256:"+want == digest {
			return nil
		}
		return fault.New(DigestDiffers, "The estate on disk has the digest %s, not %s. The estate in force stays.", digest, want).At("digest")
	})
	if err == nil {
		return oldDigest, newDigest, nil
	}
	f := fault.From(err)
	if f.Kind == fault.Internal { // the loader's own words, which are for whoever wrote the estate
		f = fault.New(EstateRefused, "The estate on disk is refused and the one in force stays:\n%v", err)
	}
	return oldDigest, oldDigest, f
}
