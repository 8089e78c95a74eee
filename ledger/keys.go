package ledger

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"bulkhead/ledger/tiles"
)

// Files in the secrets folder that hold the keys which sign checkpoints.
const (
	ed25519Name = "ledger-ed25519"
	p384Name    = "ledger-p384"
)

// LoadKeys reads the keys of the log from the secrets of a data folder that
// the caller owns, and makes them for a log that is new. With cnsa1 there is a
// P-384 key beside the Ed25519 one. The keys of a log that exists are never
// made anew: who holds its checkpoints could not check it any more.
func LoadKeys(data, origin string, cnsa1 bool) (*Keys, error) {
	keys, err := loadKeys(Disk{}, data, origin, cnsa1)
	if err != nil {
		return nil, fmt.Errorf("ledger keys: %w", err)
	}
	return keys, nil
}

// OriginOf is the name of the log of a data folder, as its signing key has it;
// empty if it has none yet.
func OriginOf(data string) (string, error) {
	text, err := readFile(Disk{}, filepath.Join(data, SecretsName, ed25519Name))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("ledger keys: %w", err)
	}
	private, _, _ := strings.Cut(string(text), "\n")
	signer, err := note.NewSigner(private)
	if err != nil {
		return "", fmt.Errorf("ledger keys: %s is no signing key", ed25519Name)
	}
	return signer.Name(), nil
}

// ReadKeys reads the keys of a log that exists, for whoever signs in its name.
// Nothing is made.
func ReadKeys(data, origin string) (*Keys, error) {
	if mark, err := readMark(Disk{}, filepath.Join(data, LogName)); err != nil || mark == nil {
		return nil, errors.Join(fmt.Errorf("ledger keys: there is no log in %s", data), err)
	}
	_, err := readFile(Disk{}, filepath.Join(data, SecretsName, p384Name))
	return LoadKeys(data, origin, err == nil)
}

func loadKeys(f Files, data, origin string, cnsa1 bool) (*Keys, error) {
	text, err := secret(f, data, ed25519Name, func() (string, error) {
		private, public, err := note.GenerateKey(rand.Reader, origin)
		return private + "\n" + public + "\n", err
	})
	if err != nil {
		return nil, err
	}
	private, public, ok := strings.Cut(strings.TrimSuffix(text, "\n"), "\n")
	signer, err := note.NewSigner(private)
	if !ok || err != nil || signer.Name() != origin {
		return nil, fmt.Errorf("%s is no signing key of %q", ed25519Name, origin)
	}
	keys := &Keys{Signers: []note.Signer{signer}, Verifiers: []string{public}}
	if cnsa1 {
		text, err := secret(f, data, p384Name, func() (string, error) {
			key, err := tiles.GenerateP384()
			return base64.StdEncoding.EncodeToString(key) + "\n", err
		})
		if err != nil {
			return nil, err
		}
		der, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("%s is no key", p384Name)
		}
		second, err := tiles.NewP384Signer(origin, der)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p384Name, err)
		}
		keys.Signers = append(keys.Signers, second)
		keys.Verifiers = append(keys.Verifiers, second.VerifierKey())
	}
	return keys, nil
}

// secret reads a secret, or makes it if there is no log yet.
func secret(f Files, data, name string, generate func() (string, error)) (string, error) {
	full := filepath.Join(data, SecretsName, name)
	b, err := readFile(f, full)
	if !errors.Is(err, fs.ErrNotExist) {
		return string(b), err
	}
	mark, err := readMark(f, filepath.Join(data, LogName))
	if err != nil {
		return "", err
	}
	if mark != nil {
		return "", fmt.Errorf("%s is missing and there is a log that it belongs to: put the key back, or move the folder %s away to begin a new log", full, filepath.Join(data, LogName))
	}
	text, err := generate()
	if err != nil {
		return "", err
	}
	return text, writeFile(f, full, []byte(text), true)
}
