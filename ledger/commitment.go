package ledger

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"log/slog"
	"strconv"

	"bulkhead/wire"
)

// Hash is what a call's commitments are made with.
type Hash string

const (
	SHA256 Hash = "hmac-sha256"
	SHA384 Hash = "hmac-sha384" // where the enclave's crypto is cnsa1
)

// CallKey is the random key of one call, under which its bodies are committed
// to. Who has it can show that a body is the one in the record; who has not
// cannot guess at short ones. It prints as nothing; [CallKey.Reveal] is for
// the caller alone.
type CallKey struct{ b [32]byte }

// NewCallKey makes a key. It panics without randomness: nothing may be served then.
func NewCallKey() CallKey {
	var k CallKey
	_, _ = rand.Read(k.b[:]) // never fails: crypto/rand ends the process
	return k
}

// ParseCallKey reads what [CallKey.Reveal] gave.
func ParseCallKey(s string) (CallKey, error) {
	var k CallKey
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(k.b) {
		return k, errors.New("this is no receipt key: 43 characters of base64url")
	}
	copy(k.b[:], b)
	return k, nil
}

// Reveal is the key for the header Bulkhead-Receipt-Key.
func (k CallKey) Reveal() string { return base64.RawURLEncoding.EncodeToString(k.b[:]) }

// String, LogValue and MarshalText keep the key out of logs and records.
func (k CallKey) String() string               { return "(a receipt key)" }
func (k CallKey) LogValue() slog.Value         { return slog.StringValue(k.String()) }
func (k CallKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Commitment is an HMAC that is fed a body as it passes, so that no second
// pass is needed. It is not safe for use by several goroutines at once.
type Commitment struct {
	hash Hash
	mac  hash.Hash
	n    int64
}

// Commit begins a commitment under the key. A hash that is not known is taken for SHA-256.
func (k CallKey) Commit(h Hash) *Commitment {
	if h == SHA384 {
		return &Commitment{hash: h, mac: hmac.New(sha512.New384, k.b[:])}
	}
	return &Commitment{hash: SHA256, mac: hmac.New(sha256.New, k.b[:])}
}

// CommitEdits is the commitment to a body that is another one, whose
// commitment is given, but for some edits. It is the HMAC of the text "edits",
// a line feed, the commitment, a line feed, and for each edit its start, its
// end and the length of what it puts there, in decimal with a space after each,
// then that itself and a line feed. So the bytes to be sent are committed to
// without a second pass over them; without edits it is the commitment given.
func (k CallKey) CommitEdits(h Hash, request Digest, edits []wire.Edit) Digest {
	if len(edits) == 0 {
		return request
	}
	b := append(make([]byte, 0, 256), "edits\n"...)
	b = append(append(b, request...), '\n')
	for _, e := range edits {
		for _, n := range [...]int{e.Start, e.End, len(e.With)} {
			b = append(strconv.AppendInt(b, int64(n), 10), ' ')
		}
		b = append(append(b, e.With...), '\n')
	}
	c := k.Commit(h)
	c.mac.Write(b)
	return c.Digest()
}

// DigestOf names a SHA-256.
func DigestOf(sum [32]byte) Digest {
	return Digest(hex.AppendEncode(append(make([]byte, 0, 7+64), "sha256:"...), sum[:]))
}

// Write adds a part of the body; it never fails.
func (c *Commitment) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return c.mac.Write(b)
}

// Size is how many bytes were written.
func (c *Commitment) Size() int64 { return c.n }

// Digest is the commitment to what was written so far; more may be written after it.
func (c *Commitment) Digest() Digest {
	var sum [48]byte
	text := make([]byte, 0, 12+96)
	text = append(append(text, c.hash...), ':')
	return Digest(hex.AppendEncode(text, c.mac.Sum(sum[:0])))
}
