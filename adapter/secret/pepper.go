package secret

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// PepperBytes is the length of the pepper of keys.
const PepperBytes = 32

// StoreKeyBytes is the length of the store key.
const StoreKeyBytes = 32

const ownBytes = 32

// own is one of Bulkhead's own secrets of 32 random bytes in the secrets folder.
type own struct {
	file, name string
	lost       string // what its loss means, for the message
}

var (
	pepper   = own{"key-pepper", "key pepper", "Without it no key that exists can be checked: if there is no backup, remove it and make new keys"}
	storeKey = own{"store-key", "store key", "Without it no access key that exists can be verified: if there is no backup, remove it, revoke those keys and make new ones"}
)

// Pepper reads the pepper of keys from dir, the secrets folder of a data
// folder, and makes it at first use of 32 bytes from random (nil: the system's
// own source). made tells that it is new: keys minted before cannot hold under
// it, so where there are keys already, use [LoadPepper]. The caller owns the
// data folder (its lock), so that nobody else makes one at the same time.
//
// The folder must be for its owner alone (0700), the file too (0600) and whole;
// anything else is refused and left as it is, for a person to look at.
func Pepper(dir string, random io.Reader) (b []byte, made bool, err error) {
	return pepper.readOrMake(dir, random)
}

// LoadPepper is [Pepper] for a pepper that must be there; one that is not is an
// error that wraps [fs.ErrNotExist].
func LoadPepper(dir string) ([]byte, error) { return pepper.load(dir) }

// StoreKey reads the store key, from which Bulkhead derives the secrets that it
// must have again, in the manner of [Pepper].
func StoreKey(dir string, random io.Reader) (key []byte, made bool, err error) {
	return storeKey.readOrMake(dir, random)
}

// LoadStoreKey is [LoadPepper] for the store key.
func LoadStoreKey(dir string) ([]byte, error) { return storeKey.load(dir) }

func (o own) readOrMake(dir string, random io.Reader) (b []byte, made bool, err error) {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, false, fmt.Errorf("make secrets folder: %w", err)
	}
	b, err = o.load(dir)
	if errors.Is(err, fs.ErrNotExist) {
		b, err = o.make(filepath.Join(dir, o.file), random)
		return b, err == nil, err
	}
	return b, false, err
}

func (o own) load(dir string) ([]byte, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("secrets folder: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("secrets folder %s is not a folder", dir)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("secrets folder %s is open to others (mode %#o); look at who could have read it, then: chmod 700 %s", dir, mode, dir)
	}
	return o.read(filepath.Join(dir, o.file))
}

func (o own) read(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s %s is not a plain file", o.name, path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("%s %s is open to others (mode %#o); look at who could have read it, then: chmod 600 %s", o.name, path, mode, path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.name, err)
	}
	if len(b) != ownBytes {
		return nil, fmt.Errorf("%s %s has %d bytes instead of %d; restore it from a backup. %s", o.name, path, len(b), ownBytes, o.lost)
	}
	return b, nil
}

// make writes the whole file beside its place and then puts it there, so that a
// crash leaves either no secret or a whole one.
func (o own) make(path string, random io.Reader) ([]byte, error) {
	if random == nil {
		random = rand.Reader
	}
	b := make([]byte, ownBytes)
	if _, err := io.ReadFull(random, b); err != nil {
		return nil, fmt.Errorf("make %s: no randomness: %w", o.name, err)
	}
	tmp := path + ".new" // one name, so that crashes leave at most one behind
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("make %s: %w", o.name, err)
	}
	if err := writeDurably(tmp, b); err != nil {
		return nil, fmt.Errorf("make %s: %w", o.name, err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return nil, fmt.Errorf("make %s: %w", o.name, err)
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("make %s: %w", o.name, err)
	}
	return b, nil
}

func writeDurably(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
