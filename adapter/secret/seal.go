package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
)

// sealInfo tells the key that seals from others of the same store key.
const sealInfo = "bulkhead/sealed-record/1"

// ErrSealBroken says that a box was not sealed under this store key for this
// place, or was changed.
var ErrSealBroken = errors.New("the sealed record does not open: it was changed, or sealed under another store key")

// Sealer seals what only the holder of the store key may read again:
// AES-256-GCM with a random nonce under a key that HKDF-SHA-256 (RFC 5869)
// derives. It is safe for concurrent use.
type Sealer struct{ aead cipher.AEAD }

// NewSealer makes a sealer of a store key.
func NewSealer(storeKey []byte) (*Sealer, error) {
	if len(storeKey) != StoreKeyBytes {
		return nil, fmt.Errorf("seal: the store key has %d bytes", len(storeKey))
	}
	key, err := hkdf.Key(sha256.New, storeKey, nil, sealInfo, 32)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return &Sealer{aead}, nil
}

// Seal gives a box of text that opens for the same entry of the same log alone.
func (s *Sealer) Seal(text []byte, log string, entry int64) []byte {
	return s.aead.Seal(nil, nil, text, place(log, entry))
}

// Open gives what a box holds, or [ErrSealBroken].
func (s *Sealer) Open(box []byte, log string, entry int64) ([]byte, error) {
	text, err := s.aead.Open(nil, nil, box, place(log, entry))
	if err != nil {
		return nil, ErrSealBroken
	}
	return text, nil
}

func place(log string, entry int64) []byte { return fmt.Appendf(nil, "%s\n%d", log, entry) }
