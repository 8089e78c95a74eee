package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/tlog"

	"bulkhead/call"
	"bulkhead/ledger/tiles"
)

const (
	defaultSegment  = 16 << 20
	smallestSegment = 256 << 10
)

// Open opens the log in a data folder that the caller owns ([Own]), or makes
// it. Before it returns, what a crash left is read and closed: a batch that was
// not written in full is left out, each open admission has the outcome
// unknown, and both stand in the log. What was changed or lost is a
// [Corruption], and the log stays closed.
//
// [Log.Close] must be called.
func Open(data string, o Options) (*Log, error) {
	l, err := prepareLog(data, o)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	if err := l.recover(); err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	l.done.Add(3)
	go l.commit()
	go l.prepare()
	go l.publishing()
	l.grow <- l.current.number + 1
	return l, nil
}

func prepareLog(data string, o Options) (*Log, error) {
	if o.Origin == "" || o.Keys == nil || len(o.Keys.Signers) == 0 || len(o.Keys.Signers) != len(o.Keys.Verifiers) {
		return nil, errors.New("a log needs an origin, and keys with their verifiers")
	}
	for _, s := range o.Keys.Signers {
		if s.Name() != o.Origin {
			return nil, fmt.Errorf("the key is of %q, the log is %q", s.Name(), o.Origin)
		}
	}
	if o.Files == nil {
		o.Files = Disk{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.SegmentBytes == 0 {
		o.SegmentBytes = defaultSegment
	}
	o.SegmentBytes = max(o.SegmentBytes, smallestSegment)
	if o.Interval <= 0 {
		o.Interval = time.Second
	}
	if o.RefusalsPerMinute <= 0 {
		o.RefusalsPerMinute = 600
	}
	l := &Log{
		o: o, files: o.Files, data: data, dir: filepath.Join(data, LogName), change: -1,
		rates: map[string]*rate{},
		wake:  make(chan struct{}, 1), grow: make(chan int64, 1), publish: make(chan chan<- error),
		grown: make(chan struct{}), moved: make(chan struct{}), halt: make(chan struct{}),
	}
	l.ctx, l.stop = context.WithCancel(context.Background())
	return l, nil
}

// recovery is what Open finds and does.
type recovery struct {
	*Log
	mark  *mark
	calls map[int64]*openCall // open, by admission
	order []int64             // their admissions
	last  string              // how the last process ended
	seen  opened
}

// recover reads what is there, closes what is open and begins a new segment.
//
// The new segment states again the entries of the bundle that is not full,
// then the outcomes and the start. It gets its name when it is durable as a
// whole; so a crash at any point leaves either the old segments, which are
// read again, or the new one with them, which is read as well. The old ones go
// once the tree over them is durable, so that nothing rests on bytes whose
// sync was not seen by this process.
func (l *Log) recover() (err error) {
	r := &recovery{Log: l, calls: map[int64]*openCall{}, last: "none"}
	if err := l.files.MkdirAll(l.wal()); err != nil {
		return err
	}
	if r.mark, err = readMark(l.files, l.dir); err != nil {
		return err
	}
	numbers, others, err := walNumbers(l.files, l.wal())
	if err != nil {
		return err
	}
	if r.mark != nil && r.o.Marking.IsZero() {
		r.o.Marking, r.o.Banner = r.mark.Marking, r.mark.Banner
	}
	if r.mark == nil {
		if err := r.begin(numbers); err != nil {
			return err
		}
	}
	for _, name := range others { // segments that never got their name
		if !strings.HasSuffix(name, ".part") {
			return corrupt(filepath.Join(l.wal(), name), "this is nothing that the ledger writes")
		}
		if err := bareRemove(l.files, filepath.Join(l.wal(), name)); err != nil {
			return err
		}
	}
	edge, err := tiles.LoadEdge(r.mark.Tiles, func(name string) ([]byte, error) {
		b, err := readFile(l.files, filepath.Join(l.dir, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, corrupt(name, "it is missing")
		}
		if err == nil && len(b) != tiles.TileBytes {
			return nil, corrupt(name, "it has %d bytes and a full tile has %d", len(b), tiles.TileBytes)
		}
		return b, err
	})
	if err != nil {
		return err
	}
	l.tree = &publisher{files: l.files, dir: l.dir, keys: l.o.Keys, log: l.o.Origin, edge: edge, checkpoint: -1, dirs: map[string]bool{}}
	if err := r.read(numbers); err != nil {
		return err
	}
	return r.resume(numbers)
}

// begin makes the mark of a log that is new, and refuses one that is not.
func (r *recovery) begin(numbers []int64) error {
	names, err := r.files.Names(r.dir)
	if err != nil {
		return err
	}
	if slices.Contains(names, tiles.CheckpointPath) || slices.Contains(names, "tile") || len(numbers) > 0 {
		return corrupt(filepath.Join(r.dir, markName), "it is missing, and there is a log")
	}
	if err := writeFile(r.files, filepath.Join(r.dir, tiles.KeysPath), r.keys(), true); err != nil {
		return err
	}
	for _, dir := range []string{r.data, r.dir} {
		if err := syncDir(r.files, dir); err != nil {
			return err
		}
	}
	r.mark = &mark{Segment: 1, Checkpoint: -1, Change: -1, Open: []openCall{}}
	return r.mark.write(r.files, r.dir)
}

func (r *recovery) keys() []byte { return []byte(strings.Join(r.o.Keys.Verifiers, "\n") + "\n") }

// read replays the write-ahead log into the tree and holds it against the
// checkpoint and the mark.
func (r *recovery) read(numbers []int64) error {
	m := r.mark
	if keys, err := readFile(r.files, filepath.Join(r.dir, tiles.KeysPath)); err != nil || !bytes.Equal(keys, r.keys()) {
		return errors.Join(corrupt(filepath.Join(r.dir, tiles.KeysPath), "these are not the keys that this log is opened with"), err)
	}
	checkpoint, err := r.checkpoint()
	if err != nil {
		return err
	}
	for i := range m.Open {
		r.calls[m.Open[i].Admission] = &m.Open[i]
		r.order = append(r.order, m.Open[i].Admission)
	}
	r.change = m.Change
	if m.Stopped {
		r.last = "stopped"
	} else if m.Entries > 0 {
		r.last = "died"
	}
	needed := numbers
	for len(needed) > 0 && needed[0] < m.Segment {
		needed = needed[1:] // their removal was not durable
	}
	if m.Checkpoint >= 0 && (len(needed) == 0 || needed[0] != m.Segment) {
		return corrupt(filepath.Join(r.wal(), segmentName(m.Segment)), "it is missing")
	}
	met := checkpoint == nil
	meet := func() error {
		if met || checkpoint.Size != r.tree.edge.Size {
			return nil
		}
		met = true
		if root, err := r.tree.edge.Root(); err != nil || root != checkpoint.Root {
			return errors.Join(corrupt(filepath.Join(r.dir, tiles.CheckpointPath), "the entries before %d do not have the hash that was signed", checkpoint.Size), err)
		}
		return nil
	}
	rp := &replay{files: r.files, dir: r.wal(), base: m.Tiles, next: m.Tiles, full: r.fullBundle}
	rp.visit = func(index int64, entry []byte) error {
		if err := meet(); err != nil {
			return err
		}
		if err := r.track(index, entry); err != nil {
			return err
		}
		r.tree.take(entry)
		return r.compare()
	}
	if err := rp.run(needed); err != nil {
		return err
	}
	if err := meet(); err != nil {
		return err
	}
	if size := r.tree.edge.Size; !met || size < m.Entries {
		want := m.Entries
		if checkpoint != nil {
			want = max(want, checkpoint.Size)
		}
		return corrupt(r.wal(), "entries %d to %d are missing", size, want-1)
	}
	r.seen.torn = rp.torn
	return nil
}

// fullBundle reads a full bundle and holds its entries against their tile.
func (r *recovery) fullBundle(n int64) ([]byte, error) {
	bundle := tiles.Resource{Entries: true, N: n, Width: tiles.Width}.Path()
	b, err := readFile(r.files, filepath.Join(r.dir, filepath.FromSlash(bundle)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, corrupt(bundle, "it is missing")
	}
	if err != nil {
		return nil, err
	}
	leaves := tiles.Resource{N: n, Width: tiles.Width}.Path()
	tile, err := readFile(r.files, filepath.Join(r.dir, filepath.FromSlash(leaves)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if len(tile) != tiles.TileBytes {
		return nil, corrupt(leaves, "it is missing or cut")
	}
	rest := b
	for i := range tiles.Width {
		var entry []byte
		if entry, rest, err = tiles.NextEntry(rest); err != nil {
			return nil, corrupt(bundle, "%v", err)
		}
		if h := tlog.RecordHash(entry); !bytes.Equal(h[:], tile[i*tlog.HashSize:][:tlog.HashSize]) {
			return nil, corrupt(bundle, "entry %d does not have the hash that the tree has for it", n*tiles.Width+int64(i))
		}
	}
	if len(rest) > 0 {
		return nil, corrupt(bundle, "it has more than its entries")
	}
	return b, nil
}

// checkpoint reads the newest checkpoint; nil if there was none yet.
func (r *recovery) checkpoint() (*tiles.Checkpoint, error) {
	name := filepath.Join(r.dir, tiles.CheckpointPath)
	b, err := readFile(r.files, name)
	if errors.Is(err, fs.ErrNotExist) {
		if r.mark.Checkpoint >= 0 {
			return nil, corrupt(name, "it is missing")
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	verifiers, err := tiles.ParseKeys(r.keys())
	if err != nil {
		return nil, err
	}
	o, err := tiles.OpenCheckpoint(b, verifiers...)
	switch {
	case err != nil:
		return nil, corrupt(name, "%v", err)
	case o.Origin != r.o.Origin:
		return nil, corrupt(name, "it is of the log %q", o.Origin)
	case o.Size < r.mark.Checkpoint:
		return nil, corrupt(name, "it is of %d entries, and one of %d was published", o.Size, r.mark.Checkpoint)
	}
	r.tree.checkpoint, r.tree.signed = o.Size, b
	return &o.Checkpoint, nil
}

// tracked is what recovery reads of an entry.
type tracked struct {
	Kind      string  `json:"kind"`
	Admission int64   `json:"admission"`
	Call      call.ID `json:"call"`
	Attempt   int     `json:"attempt"`
}

// track follows which calls are open, from the size that the mark speaks of.
func (r *recovery) track(index int64, entry []byte) error {
	if index < r.mark.Entries {
		return nil
	}
	var e tracked
	if err := json.Unmarshal(entry, &e); err != nil {
		return corrupt(r.wal(), "entry %d is no entry: %v", index, err)
	}
	r.last = "died"
	switch e.Kind {
	case kindAdmission:
		r.calls[index] = &openCall{Admission: index, Call: e.Call, Previous: index}
		r.order = append(r.order, index)
	case kindStart, kindEnd, kindOutcome:
		c := r.calls[e.Admission]
		if c == nil {
			return corrupt(r.wal(), "entry %d is of the call of entry %d, which is not open", index, e.Admission)
		}
		c.Previous = index
		if e.Kind == kindStart {
			c.Attempts = e.Attempt
		}
		if e.Kind == kindOutcome {
			delete(r.calls, e.Admission)
		}
	case kindChange:
		r.change = index
	case kindClosed:
		r.last = "stopped"
	}
	return nil
}

// compare looks whether tiles that were not durable are there as they must be,
// and writes those that are not.
func (r *recovery) compare() error {
	p := r.tree
	var missing []resource
	for _, t := range p.pending {
		b, err := readFile(r.files, filepath.Join(r.dir, filepath.FromSlash(t.path)))
		switch {
		case err == nil && bytes.Equal(b, t.data):
			p.unsynced = append(p.unsynced, t.path)
		default:
			missing = append(missing, t)
			if err == nil {
				r.seen.rewritten++
			}
		}
	}
	p.pending = missing
	return p.flush()
}

// resume writes what closes the old and begins the new: see recover.
func (r *recovery) resume(numbers []int64) error {
	p, number := r.tree, int64(1)
	if err := p.sync(); err != nil { // the new segment rests on the full bundles
		return err
	}
	if n := len(numbers); n > 0 {
		number = max(numbers[n-1], r.mark.Segment) + 1
	}
	from := p.edge.Size - p.edge.Size%tiles.Width
	r.next = p.edge.Size
	restated := &batch{first: from, frame: make([]byte, headerSize)}
	for rest := p.bundle; len(rest) > 0; restated.count++ {
		entry, more, err := tiles.NextEntry(rest)
		if err != nil {
			return err
		}
		restated.frame, rest = tiles.AppendEntry(restated.frame, entry), more
	}
	r.closeOpen()
	length := r.o.SegmentBytes + int64(len(restated.frame))
	for _, b := range r.queue {
		length += int64(len(b.frame)) + headerSize
	}
	s, err := newSegment(r.files, r.wal(), number, length)
	if err != nil {
		return err
	}
	if restated.count > 0 {
		r.queue = append([]*batch{restated}, r.queue...)
	}
	for _, b := range r.queue {
		b.frame = append(b.frame, '\n')
		putBatch(b.frame, number, b.first, b.count)
		if err := s.write(b.frame); err != nil {
			return errors.Join(err, s.file.Close())
		}
	}
	r.queue, r.queued = nil, 0
	if err := s.place(r.files, r.wal()); err != nil {
		return errors.Join(err, s.file.Close())
	}
	r.current, r.room = s, s.room()
	r.durable = position{s.number, s.end, r.next}
	for _, n := range numbers {
		p.needed = append(p.needed, segmentStart{n, -1})
	}
	return r.catchUp(restated)
}

// closeOpen queues the outcomes of calls that were open, and the start.
func (r *recovery) closeOpen() {
	now := r.o.Now()
	for _, admission := range r.order {
		c := r.calls[admission]
		if c == nil {
			continue
		}
		o := Outcome{At: now, Ending: Unknown}
		out, split := o.append(nil, c.Call)
		r.addLinked(r.batch(len(out)+linkRoom), link{c.Admission, c.Previous}, out[:split], out[split:])
		r.seen.unknown++
	}
	e := r.seen
	e.at, e.program, e.marking, e.banner, e.previous = now, r.o.Program, r.o.Marking, r.o.Banner, r.last
	out := e.append(nil)
	r.add(r.batch(len(out)+2), out)
}

// catchUp reads the new segment into the tree, publishes and settles it.
func (r *recovery) catchUp(restated *batch) error {
	p := r.tree
	if err := p.adopt(); err != nil {
		return err
	}
	if err := p.follow(r.current.number, restated.first); err != nil {
		return err
	}
	if restated.count > 0 {
		p.reading.end += int64(len(restated.frame))
	}
	if err := p.advance(r.durable); err != nil {
		return err
	}
	if err := p.sign(); err != nil {
		return err
	}
	if r.o.Published != nil {
		r.o.Published(slices.Clone(p.signed))
	}
	m, _ := r.openCalls()
	if err := p.settle(m); err != nil {
		return err
	}
	p.settled = time.Now()
	return nil
}

// Close writes a stop, publishes a last checkpoint and lets go of the files.
// Calls that are open then get their outcome when the log is opened again.
func (l *Log) Close(ctx context.Context) error {
	l.countNow()
	l.mu.Lock()
	if l.closing {
		l.mu.Unlock()
		return errClosed
	}
	err := l.broken
	var b *batch
	if err == nil {
		entry := appendClosed(nil, l.o.Now(), l.open.count)
		b = l.awaited(len(entry) + 2)
		l.add(b, entry)
	}
	l.closing = true
	l.mu.Unlock()
	if b != nil {
		l.nudge()
		if err = l.wait(ctx, b); err == nil {
			err = l.Publish(ctx)
		}
	}
	l.stop()
	l.done.Wait()
	if err == nil {
		m, _ := l.openCalls()
		m.Stopped = true
		err = l.tree.settle(m)
	}
	l.breakDown(errClosed, nil) // whoever still waits is told
	if l.spare != nil {
		err = errors.Join(err, l.spare.file.Close())
	}
	return errors.Join(err, l.current.file.Close(), l.tree.reading.file.Close())
}
