package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"bulkhead/adapter/secret"
	"bulkhead/adapter/sqlite"
	"bulkhead/identity"
	"bulkhead/ledger"
)

// state is what the owner of a data folder has open. The keyring is empty until a Controller fills it from the store.
type state struct {
	store   *sqlite.Store
	ring    *identity.Keyring
	release func() error // of the folder's lock
}

// ownState takes a data folder, made if it is missing, and opens what lies in it. The error wraps ledger.ErrOwned if
// another process has the folder.
func ownState(ctx context.Context, dir string) (*state, error) {
	release, err := ledger.Own(dir)
	if err != nil {
		return nil, err
	}
	store, err := sqlite.Open(filepath.Join(dir, ledger.StateName))
	if err != nil {
		return nil, errors.Join(err, release())
	}
	s := &state{store: store, release: release}
	pepper, err := s.pepper(ctx, filepath.Join(dir, ledger.SecretsName))
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.ring = identity.NewKeyring(pepper)
	return s, nil
}

// pepper makes a pepper only where there are no keys yet: none of them would hold under another.
func (s *state) pepper(ctx context.Context, dir string) ([]byte, error) {
	keys, err := s.store.ListKeys(ctx)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		pepper, _, err := secret.Pepper(dir, nil)
		return pepper, err
	}
	pepper, err := secret.LoadPepper(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s holds keys that can only be checked with it; restore it from the backup that %s is from. If there is none, move %s away and make new keys",
			err, ledger.StateName, ledger.StateName, ledger.StateName)
	}
	return pepper, err
}

// Close closes the store and gives the folder free.
func (s *state) Close() error { return errors.Join(s.store.Close(), s.release()) }
