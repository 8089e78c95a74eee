package ledger

import (
	"context"
	"errors"
	"io/fs"

	"bulkhead/fault"
	"bulkhead/ledger/verify"
)

// Proof gives the receipt of the call whose admission is at an index: its
// entries so far, each with the proof that it is in the tree of the newest
// checkpoint, which is published for this if need be. An index without an
// admission is a [fault.NoSuchRoute].
func (l *Log) Proof(ctx context.Context, admission int64) (*verify.Receipt, error) {
	if err := l.Publish(ctx); err != nil {
		return nil, unavailable(err)
	}
	r, err := verify.Prove(ctx, l.Read, admission)
	switch {
	case errors.Is(err, verify.ErrNoCall):
		return nil, fault.New(fault.NoSuchRoute, "The ledger has no admission at index %d.", admission).Because(err)
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(fault.Internal, "The ledger lacks a part of itself; the operators' log has the cause.").Because(err)
	case err != nil:
		return nil, err
	}
	r.Banner, r.BannerEnd = l.o.Banner, l.o.Banner
	return r, nil
}
