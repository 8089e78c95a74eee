package tiles

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// TileBytes is the length of a full tile.
const TileBytes = Width * tlog.HashSize

// Edge is the right edge of a tree: of each level the tile that is not full.
// It is all that is needed to let the tree grow, whatever its size.
type Edge struct {
	Size   int64    // entries
	Levels [][]byte // hashes of the tile that is not full, lowest level first
}

// Add appends a leaf's hash; each tile that this fills is handed to full,
// which must not keep it.
func (e *Edge) Add(h tlog.Hash, full func(level int, n int64, tile []byte)) {
	e.Size++
	for level := 0; ; level++ {
		if level == len(e.Levels) {
			e.Levels = append(e.Levels, make([]byte, 0, TileBytes))
		}
		e.Levels[level] = append(e.Levels[level], h[:]...)
		tile := e.Levels[level]
		if len(tile) < TileBytes {
			return
		}
		full(level, e.Size>>(Height*(level+1))-1, tile)
		h = tileRoot(tile)
		e.Levels[level] = tile[:0]
	}
}

// tileRoot is the hash of the subtree over a full tile.
func tileRoot(tile []byte) tlog.Hash {
	if len(tile) == tlog.HashSize {
		return tlog.Hash(tile)
	}
	half := len(tile) / 2
	return tlog.NodeHash(tileRoot(tile[:half]), tileRoot(tile[half:]))
}

var _ tlog.HashReader = (*Edge)(nil)

// ReadHashes gives the hashes that the root is made of: all lie on the edge.
func (e *Edge) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		t := tlog.TileForIndex(Height, index)
		if t.L >= len(e.Levels) || t.N != e.Size>>(Height*(t.L+1)) || len(e.Levels[t.L]) < t.W*tlog.HashSize {
			return nil, fmt.Errorf("hash %d is not on the edge of a tree of %d entries", index, e.Size)
		}
		h, err := tlog.HashFromTile(t, e.Levels[t.L], index)
		if err != nil {
			return nil, err
		}
		out[i] = h
	}
	return out, nil
}

// Root is the hash of the tree.
func (e *Edge) Root() (tlog.Hash, error) { return tlog.TreeHash(e.Size, e) }

// LoadEdge derives the edge of a tree whose size is a multiple of a tile's
// width, from the full tiles below each level.
func LoadEdge(size int64, read func(path string) ([]byte, error)) (*Edge, error) {
	e := &Edge{Size: size}
	for level := 0; size>>(Height*level) > 0; level++ {
		tile := make([]byte, 0, TileBytes)
		below := size >> (Height * level) // hashes of this level in all
		for n := below - below%Width; level > 0 && n < below; n++ {
			path := TilePath(level-1, n, size)
			data, err := read(path)
			if err != nil {
				return nil, err
			}
			if len(data) != TileBytes {
				return nil, fmt.Errorf("%s has %d bytes; a full tile has %d", path, len(data), TileBytes)
			}
			root := tileRoot(data)
			tile = append(tile, root[:]...)
		}
		e.Levels = append(e.Levels, tile)
	}
	return e, nil
}
