package verify

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"bulkhead/ledger/tiles"
)

// Receipt is what a log gives for a call: its entries, each with the proof
// that it is in the tree of one checkpoint. The ledger's marking stands at its
// beginning and its end.
type Receipt struct {
	Banner     string         `json:"banner"`
	State      string         `json:"state"` // open, closed
	Origin     string         `json:"origin"`
	Index      int64          `json:"index"` // of the admission
	Checkpoint string         `json:"checkpoint"`
	Entries    []ReceiptEntry `json:"entries"`
	BannerEnd  string         `json:"banner_end"`
}

// ReceiptEntry is an entry with its inclusion proof.
type ReceiptEntry struct {
	Index int64          `json:"index"`
	Entry jsontext.Value `json:"entry"`
	Proof []string       `json:"proof"` // hashes in base64, from the leaf up
}

// proof reads the hashes, each in its one spelling.
func (r *ReceiptEntry) proof() (tlog.RecordProof, error) {
	out := make(tlog.RecordProof, len(r.Proof))
	for i, text := range r.Proof {
		h, err := tlog.ParseHash(text)
		if err != nil || h.String() != text {
			return nil, errors.New("its proof cannot be read")
		}
		out[i] = h
	}
	return out, nil
}

// Receipt states.
const (
	StateOpen   = "open"   // the call has no outcome yet
	StateClosed = "closed" // its outcome is among the entries
)

// CheckReceipt reads a receipt and checks it: the checkpoint is signed by the
// keys, each entry is in its tree, and they are the entries of one call, from
// its admission to its outcome where the state is closed. Keys must come from
// another place than the receipt.
func CheckReceipt(doc []byte, keys ...note.Verifier) (*Receipt, []*Entry, error) {
	var r Receipt
	if err := json.Unmarshal(doc, &r, json.RejectUnknownMembers(true)); err != nil {
		return nil, nil, fmt.Errorf("receipt: %w", err)
	}
	c, err := tiles.OpenCheckpoint([]byte(r.Checkpoint), keys...)
	if err != nil {
		return nil, nil, fmt.Errorf("receipt: %w", err)
	}
	if c.Origin != r.Origin {
		return nil, nil, fmt.Errorf("receipt: it is of %q and its checkpoint of %q", r.Origin, c.Origin)
	}
	calls := newCalls()
	calls.begun = true
	var entries []*Entry
	for i, re := range r.Entries {
		proof, err := re.proof()
		if err != nil {
			return nil, nil, fmt.Errorf("receipt: entry %d: %w", re.Index, err)
		}
		if err := tlog.CheckRecord(proof, c.Size, c.Root, re.Index, tlog.RecordHash(re.Entry)); err != nil {
			return nil, nil, fmt.Errorf("receipt: entry %d is not in the tree of its checkpoint: %w", re.Index, err)
		}
		e, err := ParseEntry(re.Index, re.Entry)
		if err != nil {
			return nil, nil, fmt.Errorf("receipt: entry %d: %w", re.Index, err)
		}
		if i == 0 && (e.Kind != "admission" || e.Index != r.Index) {
			return nil, nil, errors.New("receipt: its first entry is not the admission that it is for")
		}
		if i > 0 && e.Kind == "admission" {
			return nil, nil, errors.New("receipt: it has the entries of two calls")
		}
		if err := calls.next(e); err != nil {
			return nil, nil, fmt.Errorf("receipt: entry %d: %w", re.Index, err)
		}
		entries = append(entries, e)
	}
	state := StateOpen
	if len(calls.open) == 0 {
		state = StateClosed
	}
	if len(entries) == 0 || r.State != state {
		return nil, nil, errors.New("receipt: its state is not that of its entries")
	}
	return &r, entries, nil
}

// Entries gives the entries of a log from one index to before another, as the
// log has them; that they are in its tree is for [Log] to say. It ends with
// the first error.
func Entries(ctx context.Context, read Read, size, from, to int64) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		for n := from / tiles.Width; n*tiles.Width < min(to, size); n++ {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			rest, err := read(tiles.EntriesPath(n, size))
			if err != nil {
				yield(nil, err)
				return
			}
			for i := n * tiles.Width; i < min(to, size, (n+1)*tiles.Width); i++ {
				var text []byte
				if text, rest, err = tiles.NextEntry(rest); err != nil {
					yield(nil, fmt.Errorf("entry %d: %w", i, err))
					return
				}
				if i < from {
					continue
				}
				e, err := ParseEntry(i, text)
				if err != nil {
					yield(nil, fmt.Errorf("entry %d: %w", i, err))
					return
				}
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

// Call gives the entries of the call whose admission is at an index: to its
// outcome, or to the end of the log where it has none yet.
func Call(ctx context.Context, read Read, size, admission int64) ([]*Entry, error) {
	var out []*Entry
	for e, err := range Entries(ctx, read, size, admission, size) {
		switch {
		case err != nil:
			return nil, err
		case len(out) == 0 && e.Kind != "admission":
			return nil, fmt.Errorf("%w: entry %d is no admission but %s", ErrNoCall, admission, e.Kind)
		case len(out) == 0 || e.Admission == admission:
			out = append(out, e)
		}
		if e.Kind == "outcome" && e.Admission == admission {
			break
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: the log has %d entries", ErrNoCall, size)
	}
	return out, nil
}

// ErrNoCall says that there is no admission at an index; ask for another.
var ErrNoCall = errors.New("there is no such call")

// Prove makes the receipt of a call from a log's files, under its newest
// checkpoint, whose signatures it does not look at: who reads it does.
func Prove(ctx context.Context, read Read, admission int64) (*Receipt, error) {
	signed, err := read(tiles.CheckpointPath)
	if err != nil {
		return nil, err
	}
	c, err := tiles.ReadCheckpoint(signed)
	if err != nil {
		return nil, err
	}
	if admission < 0 || admission >= c.Size {
		return nil, fmt.Errorf("%w: the log has %d entries", ErrNoCall, c.Size)
	}
	entries, err := Call(ctx, read, c.Size, admission)
	if err != nil {
		return nil, err
	}
	r := &Receipt{State: StateOpen, Origin: c.Origin, Index: admission, Checkpoint: string(signed)}
	hashes := tlog.TileHashReader(tlog.Tree{N: c.Size, Hash: c.Root}, tileReader{read})
	for _, e := range entries {
		proof, err := tlog.ProveRecord(c.Size, e.Index, hashes)
		if err != nil {
			return nil, fmt.Errorf("proof of entry %d: %w", e.Index, err)
		}
		texts := make([]string, len(proof))
		for i, h := range proof {
			texts[i] = h.String()
		}
		r.Entries = append(r.Entries, ReceiptEntry{e.Index, e.Text, texts})
		if e.Kind == "outcome" {
			r.State = StateClosed
		}
	}
	return r, nil
}

// tileReader gives x/mod the tiles from where tlog-tiles has them.
type tileReader struct{ read Read }

var _ tlog.TileReader = tileReader{}

// Height is the height of a tile.
func (tileReader) Height() int { return tiles.Height }

// ReadTiles reads tiles; their hashes are checked against the tree by x/mod.
func (t tileReader) ReadTiles(all []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(all))
	for i, tile := range all {
		var err error
		if out[i], err = t.read(tiles.Resource{Level: tile.L, N: tile.N, Width: tile.W}.Path()); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// SaveTiles keeps nothing.
func (tileReader) SaveTiles([]tlog.Tile, [][]byte) {}
