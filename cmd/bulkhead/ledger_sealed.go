package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"bulkhead/adapter/secret"
	"bulkhead/adapter/sqlite"
	"bulkhead/gateway"
	"bulkhead/ledger"
	"bulkhead/ledger/tiles"
)

// sealFor gives what keeps sealed records of a log in the store.
func (s *state) sealFor(log string) func(context.Context, int64, gateway.Sealed) error {
	return func(ctx context.Context, index int64, what gateway.Sealed) error {
		text, err := json.Marshal(what)
		if err != nil {
			return err
		}
		return s.store.InsertSealed(ctx, log, index, s.sealer.Seal(text, log, index))
	}
}

// showSealed opens the sealed record of a refusal, and writes it between two lines with the ledger's marking.
func showSealed(ctx context.Context, l *openedLog, data string, index int64, stdout io.Writer) (int, error) {
	if strings.Contains(data, "://") {
		return exitUsage, misused("a sealed record is opened where its data folder is: --log DIR")
	}
	entry, err := l.entry(ctx, index)
	if err != nil {
		return exitFailed, err
	}
	b, err := l.read(tiles.CheckpointPath)
	if err != nil {
		return exitFailed, err
	}
	c, err := tiles.ReadCheckpoint(b)
	if err != nil {
		return exitFailed, err
	}
	box, err := sqlite.ReadSealed(ctx, filepath.Join(data, ledger.StateName), c.Origin, index)
	if err != nil {
		return exitFailed, err
	}
	if box == nil {
		return exitFinding, fmt.Errorf("entry %d, %s, has no sealed record", index, entry.Kind)
	}
	key, err := secret.LoadStoreKey(filepath.Join(data, ledger.SecretsName))
	if err != nil {
		return exitFailed, err
	}
	sealer, err := secret.NewSealer(key)
	if err != nil {
		return exitFailed, err
	}
	text, err := sealer.Open(box, c.Origin, index)
	if err != nil {
		return exitFinding, err
	}
	var what gateway.Sealed
	if err := json.Unmarshal(text, &what); err != nil {
		return exitFailed, err
	}
	banner, err := bannerOf(ctx, l)
	if err != nil {
		return exitFailed, err
	}
	if banner != "" {
		banner += "\n"
	}
	_, err = fmt.Fprintf(stdout, "%sentry   %d, %s of call %s at %s\nlevel   %s, the highest of %s\nplace   text piece %d of the request, %s from byte %d on\n%s",
		banner, index, what.Kind, what.Call, entry.At.Format("2006-01-02T15:04:05Z"), what.Level, count(what.Marks, "mark"), what.Part, count(what.Length, "byte"), what.Offset, banner)
	return exitCode(err), err
}
