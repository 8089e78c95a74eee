package main

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"bulkhead/adapter/secret"
	"bulkhead/adapter/sqlite"
	"bulkhead/identity"
	"bulkhead/ledger"
	opaque "bulkhead/state"
)

// state is what the owner of a data folder has open. The keyring is empty until a Controller fills it from the store.
type state struct {
	store   *sqlite.Store
	ring    *identity.Keyring
	sealer  *secret.Sealer
	turns   []byte       // key of the memory of opaque state
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
	if s.ring, err = s.keyring(ctx, filepath.Join(dir, ledger.SecretsName)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// keyring reads the secrets that keys hold under, and makes one only where no key exists that needs it: none would hold
// under another.
func (s *state) keyring(ctx context.Context, dir string) (*identity.Keyring, error) {
	keys, err := s.store.ListKeys(ctx)
	if err != nil {
		return nil, err
	}
	pepper, err := own(len(keys) == 0, dir, "keys that can only be checked with it", secret.Pepper, secret.LoadPepper)
	if err != nil {
		return nil, err
	}
	signs := slices.ContainsFunc(keys, func(k identity.Key) bool { return k.Signs })
	sealed, err := s.store.HasSealed(ctx)
	if err != nil {
		return nil, err
	}
	store, err := own(!signs && !sealed, dir, "access keys and sealed records that can only be read with it", secret.StoreKey, secret.LoadStoreKey)
	if err != nil {
		return nil, err
	}
	if s.sealer, err = secret.NewSealer(store); err != nil {
		return nil, err
	}
	if s.turns, err = hkdf.Key(sha256.New, store, nil, "bulkhead/opaque-state/1", opaque.KeyBytes); err != nil {
		return nil, err
	}
	ring := identity.NewKeyring(pepper)
	ring.UseStoreKey(store)
	for _, key := range keys {
		if key.Signs && !ring.Derives(key) {
			return nil, fmt.Errorf("%s holds access keys that were made under another store key than the one in %s; restore the one that belongs to it", ledger.StateName, dir)
		}
	}
	return ring, nil
}

// memory opens the memory of opaque state. What it holds under a key that is gone does not open: turns go on without it.
func (s *state) memory(ctx context.Context) (*opaque.Memory, error) {
	return opaque.New(ctx, opaque.Options{Key: s.turns, Store: s.store})
}

// own reads a secret of Bulkhead's own, or makes it where nothing needs one yet.
func own(make bool, dir, holds string, readOrMake func(string, io.Reader) ([]byte, bool, error), read func(string) ([]byte, error)) ([]byte, error) {
	if make {
		b, _, err := readOrMake(dir, nil)
		return b, err
	}
	b, err := read(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s holds %s; restore it from the backup that %s is from. If there is none, move %s away and make new keys",
			err, ledger.StateName, holds, ledger.StateName, ledger.StateName)
	}
	return b, err
}

// Close closes the store and gives the folder free.
func (s *state) Close() error { return errors.Join(s.store.Close(), s.release()) }
