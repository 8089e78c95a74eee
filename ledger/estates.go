package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

// EstatesName is the folder in the data folder that holds estates by digest.
const EstatesName = "estates"

// KeepEstate keeps the canonical bytes of an estate by their digest, durably,
// so that a call can be decided again under the estate it was decided under.
// The digest is sha256: and the hash of the bytes in hexadecimal.
func (l *Log) KeepEstate(digest string, canonical []byte) error {
	name, err := estateName(digest, canonical)
	if err != nil {
		return fmt.Errorf("keep estate: %w", err)
	}
	dir := filepath.Join(l.data, EstatesName)
	full := filepath.Join(dir, name)
	if b, err := readFile(l.files, full); err == nil && bytes.Equal(b, canonical) {
		return nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unavailable(err)
	}
	if err := l.files.MkdirAll(dir); err != nil {
		return unavailable(err)
	}
	if err := syncDir(l.files, l.data); err != nil {
		return unavailable(err)
	}
	if err := writeFile(l.files, full, canonical, true); err != nil {
		return unavailable(err)
	}
	return nil
}

// Estate gives the canonical bytes of an estate that was kept in a data folder.
func Estate(data, digest string) ([]byte, error) {
	_, value, _ := strings.Cut(digest, ":")
	b, err := readFile(Disk{}, filepath.Join(data, EstatesName, filepath.Base(value)))
	if err != nil {
		return nil, fmt.Errorf("estate %s: %w", digest, err)
	}
	if _, err := estateName(digest, b); err != nil {
		return nil, err
	}
	return b, nil
}

func estateName(digest string, canonical []byte) (string, error) {
	sum := sha256.Sum256(canonical)
	name := hex.EncodeToString(sum[:])
	if digest != "sha256:"+name {
		return "", fmt.Errorf("the bytes have the digest sha256:%s, not %s", name, digest)
	}
	return name, nil
}
