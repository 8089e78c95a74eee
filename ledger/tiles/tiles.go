// Package tiles is the public form of a ledger: where its resources lie, how
// entries stand in a bundle, and how a checkpoint is written and signed.
//
// It follows C2SP's tlog-tiles, tlog-checkpoint and signed-note
// (https://c2sp.org/tlog-tiles) so that any reader of such logs can check one
// of ours; only the second signature type of [NewP384Signer] is our own. The
// tree itself is that of RFC 6962, from golang.org/x/mod/sumdb/tlog. This
// package reads and writes no files.
//
// Begin with [EntriesPath], [TilePath] and [Checkpoint].
package tiles

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

const (
	// Width is how many hashes a full tile has, and entries a full bundle.
	Width = 256
	// Height is the base-2 logarithm of Width, as x/mod's tlog counts tiles.
	Height = 8
	// MaxEntry is the greatest length of an entry in bytes: its length is written in 16 bits.
	MaxEntry = 65535

	CheckpointPath = "checkpoint" // the newest signed tree head
	KeysPath       = "keys"       // the log's own verifier keys, one a line; ours, not C2SP's
)

// EntriesPath is where the n-th bundle of a log of the given size lies; its
// name says how many entries it has where those are fewer than [Width].
func EntriesPath(n, size int64) string { return "tile/entries/" + number(n, partial(0, n, size)) }

// TilePath is where the n-th tile of a level lies in a log of the given size.
func TilePath(level int, n, size int64) string {
	return "tile/" + strconv.Itoa(level) + "/" + number(n, partial(level, n, size))
}

// Wide is the number of hashes in the n-th tile of a level (or of entries in
// the n-th bundle, at level 0) in a log of the given size: 0 to [Width].
func Wide(level int, n, size int64) int {
	return int(min(max(size>>(Height*level)-n*Width, 0), Width))
}

func partial(level int, n, size int64) int {
	if w := Wide(level, n, size); w < Width {
		return w
	}
	return 0
}

// number writes n in groups of three digits: 1234067 is x001/x234/067.
func number(n int64, part int) string {
	s := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		s = fmt.Sprintf("x%03d/%s", n%1000, s)
	}
	if part > 0 {
		s += ".p/" + strconv.Itoa(part)
	}
	return s
}

// Resource is what a path of a log names.
type Resource struct {
	Entries bool  // a bundle, not a tile of hashes
	Level   int   // of a tile
	N       int64 // number in its level
	Width   int   // 1 to [Width]
}

// ErrPath says that a path names no tile and no bundle; there is nothing to be had there.
var ErrPath = errors.New("no tile or bundle has this path")

// Parse reads a path as [TilePath] and [EntriesPath] write it. Every resource
// has one path: what is written otherwise is [ErrPath].
func Parse(path string) (Resource, error) {
	var r Resource
	rest, ok := strings.CutPrefix(path, "tile/")
	level, rest, found := strings.Cut(rest, "/")
	if !ok || !found {
		return r, ErrPath
	}
	if r.Entries = level == "entries"; !r.Entries {
		l, err := strconv.ParseUint(level, 10, 8)
		if err != nil || l > 7 { // 8 levels of 256 span more than 63 bits
			return r, ErrPath
		}
		r.Level = int(l)
	}
	r.Width = Width
	if before, after, part := strings.Cut(rest, ".p/"); part {
		w, err := strconv.ParseUint(after, 10, 16)
		if err != nil || w < 1 || w >= Width {
			return r, ErrPath
		}
		rest, r.Width = before, int(w)
	}
	groups := strings.Split(rest, "/")
	if len(groups) > 6 {
		return r, ErrPath
	}
	for i, g := range groups {
		d := strings.TrimPrefix(g, "x")
		v, err := strconv.ParseUint(d, 10, 16)
		if err != nil || len(d) != 3 || (g == d) != (i == len(groups)-1) {
			return r, ErrPath
		}
		r.N = r.N*1000 + int64(v)
	}
	if r.Path() != path {
		return r, ErrPath
	}
	return r, nil
}

// Path is the one path of the resource.
func (r Resource) Path() string {
	part := r.Width
	if part == Width {
		part = 0
	}
	if r.Entries {
		return "tile/entries/" + number(r.N, part)
	}
	return "tile/" + strconv.Itoa(r.Level) + "/" + number(r.N, part)
}

// AppendEntry appends an entry to a bundle: its length in two bytes, big
// endian, and its bytes. An entry longer than [MaxEntry] is a defect of the
// caller and panics.
func AppendEntry(bundle, entry []byte) []byte {
	if len(entry) > MaxEntry {
		panic("tiles: entry of " + strconv.Itoa(len(entry)) + " bytes")
	}
	bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(entry)))
	return append(bundle, entry...)
}

// ErrBundle says that bytes are no bundle: an entry is cut off.
var ErrBundle = errors.New("the bundle ends within an entry")

// NextEntry splits the first entry off a bundle. The entry is a part of bundle, not a copy.
func NextEntry(bundle []byte) (entry, rest []byte, err error) {
	if len(bundle) < 2 {
		return nil, nil, ErrBundle
	}
	n := 2 + int(binary.BigEndian.Uint16(bundle))
	if len(bundle) < n {
		return nil, nil, ErrBundle
	}
	return bundle[2:n:n], bundle[n:], nil
}

// Prefix is the part of a wider bundle or tile that is the resource r; it
// fails where data is not as wide as r.
func (r Resource) Prefix(data []byte) ([]byte, error) {
	if !r.Entries {
		if n := r.Width * 32; len(data) >= n {
			return data[:n], nil
		}
		return nil, ErrBundle
	}
	rest := data
	for range r.Width {
		var err error
		if _, rest, err = NextEntry(rest); err != nil {
			return nil, err
		}
	}
	return data[:len(data)-len(rest)], nil
}
