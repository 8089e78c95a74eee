package state

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"bulkhead/chat"
)

// What each key that is derived is for (RFC 5869, info).
const (
	tagInfo  = "bulkhead/state/tag/1"
	sealInfo = "bulkhead/state/box/1"
)

// Key is where a row lies: a keyed digest of whose it is and what it is of. It
// tells nobody anything who has not the memory's key.
type Key [16]byte

// bound is what a box is bound to: it opens at no other key and as no other kind.
func (k Key) bound(kind Kind) []byte { return append([]byte{byte(kind)}, k[:]...) }

// derive makes the memory's keys.
func (m *Memory) derive(key []byte) error {
	if len(key) != KeyBytes {
		return fmt.Errorf("open memory of state: a key of %d bytes", len(key))
	}
	tags, err := hkdf.Key(sha256.New, key, nil, tagInfo, KeyBytes)
	if err != nil {
		return fmt.Errorf("open memory of state: %w", err)
	}
	copy(m.tags[:], tags)
	box, err := hkdf.Key(sha256.New, key, nil, sealInfo, KeyBytes)
	if err != nil {
		return fmt.Errorf("open memory of state: %w", err)
	}
	block, err := aes.NewCipher(box)
	if err != nil {
		return fmt.Errorf("open memory of state: %w", err)
	}
	m.seal, err = cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return fmt.Errorf("open memory of state: %w", err)
	}
	return nil
}

// key is the keyed digest of some words, each with its length before it.
func (m *Memory) key(kind Kind, words ...string) (k Key) {
	h := hmac.New(sha256.New, m.tags[:])
	h.Write([]byte{byte(kind)})
	var n [8]byte
	for _, w := range words {
		binary.BigEndian.PutUint64(n[:], uint64(len(w)))
		h.Write(n[:])
		h.Write([]byte(w))
	}
	copy(k[:], h.Sum(nil))
	return k
}

// tag is of a blob in either alphabet of base64, with or without its padding:
// clients that hold blobs as bytes write them anew.
func (m *Memory) tag(workload, blob string) Key {
	return m.key(TagRow, workload, standard.Replace(strings.TrimRight(blob, "=")))
}

var standard = strings.NewReplacer("-", "+", "_", "/")

// turn is of a call as its caller sends it back. Name and arguments are part of
// it because some vendors' ids of calls are all but the same in every reply.
func (m *Memory) turn(o Owner, c chat.ToolCall) Key {
	return m.key(TurnRow, o.Workload, o.Subject, chat.FitID(c.ID), c.Name, arguments(c))
}

// arguments are a call's, in one form where they are JSON.
func arguments(c chat.ToolCall) string {
	if c.Custom {
		return c.Arguments
	}
	if strings.TrimSpace(c.Arguments) == "" {
		return "{}"
	}
	v := jsontext.Value(c.Arguments)
	if v.Canonicalize() != nil { // not JSON: as it is
		return c.Arguments
	}
	return string(v)
}
