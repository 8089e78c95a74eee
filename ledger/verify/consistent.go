package verify

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"bulkhead/ledger/tiles"
)

// Consistent checks that a newer checkpoint of a log has an older one in its
// history: that the first entries of the newer are those of the older. It reads
// only the hashes that prove it, and looks at no signature. A [Fault] says that
// the log was rolled back or forked.
func Consistent(read Read, older, newer tiles.Checkpoint) error {
	switch {
	case older.Origin != newer.Origin:
		return &Fault{-1, "the checkpoint that was kept", fmt.Sprintf("it is of the log %q", older.Origin)}
	case older.Size > newer.Size:
		return &Fault{newer.Size, "", fmt.Sprintf("the log was rolled back: it has %d entries, and a checkpoint over %d was signed before", newer.Size, older.Size)}
	case older.Size == newer.Size && older.Root != newer.Root:
		return forked(older.Size)
	case older.Size == 0 || older.Size == newer.Size:
		return nil
	}
	hashes := tlog.TileHashReader(tlog.Tree{N: newer.Size, Hash: newer.Root}, tileReader{read})
	proof, err := tlog.ProveTree(newer.Size, older.Size, hashes)
	if err != nil {
		return fmt.Errorf("proof that a log of %d entries has another of %d: %w", newer.Size, older.Size, err)
	}
	if tlog.CheckTree(proof, newer.Size, newer.Root, older.Size, older.Root) != nil {
		return forked(older.Size)
	}
	return nil
}
