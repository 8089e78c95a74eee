package ledger

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"bulkhead/ledger/tiles"
)

const tileBytes = tiles.Width * tlog.HashSize

// edge is the right edge of a tree: of each level the tile that is not full.
// It is all that is needed to let the tree grow, whatever its size.
type edge struct {
	size   int64
	levels [][]byte
}

// add appends a leaf's hash; each tile that this fills is handed to full,
// which must not keep it.
func (e *edge) add(h tlog.Hash, full func(level int, n int64, tile []byte)) {
	e.size++
	for level := 0; ; level++ {
		if level == len(e.levels) {
			e.levels = append(e.levels, make([]byte, 0, tileBytes))
		}
		e.levels[level] = append(e.levels[level], h[:]...)
		tile := e.levels[level]
		if len(tile) < tileBytes {
			return
		}
		full(level, e.size>>(tiles.Height*(level+1))-1, tile)
		h = tileRoot(tile)
		e.levels[level] = tile[:0]
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

var _ tlog.HashReader = (*edge)(nil)

// ReadHashes gives the hashes that the root is made of: all lie on the edge.
func (e *edge) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		t := tlog.TileForIndex(tiles.Height, index)
		if t.L >= len(e.levels) || t.N != e.size>>(tiles.Height*(t.L+1)) || len(e.levels[t.L]) < t.W*tlog.HashSize {
			return nil, fmt.Errorf("hash %d is not on the edge of a tree of %d entries", index, e.size)
		}
		h, err := tlog.HashFromTile(t, e.levels[t.L], index)
		if err != nil {
			return nil, err
		}
		out[i] = h
	}
	return out, nil
}

// root is the hash of the tree.
func (e *edge) root() (tlog.Hash, error) { return tlog.TreeHash(e.size, e) }

// loadEdge derives the edge of a tree whose size is a multiple of a tile's
// width, from the full tiles below each level.
func loadEdge(size int64, read func(path string) ([]byte, error)) (*edge, error) {
	e := &edge{size: size}
	for level := 0; size>>(tiles.Height*level) > 0; level++ {
		tile := make([]byte, 0, tileBytes)
		below := size >> (tiles.Height * level) // hashes of this level in all
		for n := below - below%tiles.Width; level > 0 && n < below; n++ {
			path := tiles.TilePath(level-1, n, size)
			data, err := read(path)
			if err != nil {
				return nil, err
			}
			if len(data) != tileBytes {
				return nil, corrupt(path, "it has %d bytes; a full tile has %d", len(data), tileBytes)
			}
			root := tileRoot(data)
			tile = append(tile, root[:]...)
		}
		e.levels = append(e.levels, tile)
	}
	return e, nil
}
