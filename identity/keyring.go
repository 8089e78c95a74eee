// Package identity says who calls: it turns the credential of a call into a
// [Principal], and holds the keys by which services are known.
//
// It is not where keys are stored (a database is, behind package control) and
// decides nothing about what a principal may do. A key is bk_<id>_<secret>: the
// id finds it, and of the secret only an HMAC-SHA-256 (FIPS 198-1) under a
// pepper is kept, so that neither the database nor the pepper alone gives
// anyone a key. A plain HMAC is enough, and a slow password hash is not wanted,
// because the secret has 256 random bits.
//
// AWS SDKs sign instead of sending a key. Their secret must be had to verify a
// signature, so it is derived from a store key and kept nowhere: see
// [Keyring.MintAccessKey], [ParseSigned] and [Keyring.IdentifySigned].
//
// Begin with [Keyring].
package identity

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"hash"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"bulkhead/fault"
)

// Service is the kind of a principal that is an application, known by a key.
const Service = "service"

// Principal is who calls. The zero value is nobody.
type Principal struct {
	Kind     string // Service
	Key      string // id of the key that was presented
	Workload string // the workload the key is bound to
}

// Key is what is kept of a key: everything but its secret.
type Key struct {
	ID       string // 16 characters of lower-case base 32
	Workload string
	Note     string // for people: who has it, what for
	Created  time.Time
	Expires  time.Time // the instant from which it no longer holds; zero: never
	Revoked  time.Time // zero: it is not
	Signs    bool      // an access key for AWS SDKs, which sign; else a bearer's
	MAC      [32]byte  `json:"-"` // HMAC-SHA-256 of id and secret under the pepper
}

// String names the key and its workload, and prints nothing else.
func (k Key) String() string { return "key " + k.ID + " of workload " + k.Workload }

// Holds reports whether the key is neither revoked nor expired at an instant.
// A revoked key is revoked at every instant, so that no clock can revive it.
func (k Key) Holds(now time.Time) bool {
	return k.Revoked.IsZero() && (k.Expires.IsZero() || now.Before(k.Expires))
}

// PepperBytes is the length of a pepper. HMAC keys of fewer than 14 bytes are
// refused in FIPS mode; this one has the strength of the hash.
const PepperBytes = 32

// Keyring is the set of keys that a running process knows. All methods may be
// used at once from many goroutines; [Keyring.Identify] takes no lock. Make one
// with [NewKeyring].
type Keyring struct {
	change sync.Mutex // held to replace keys
	keys   atomic.Pointer[map[string]*Key]
	macs   sync.Pool // of *state
	store  []byte    // what secrets of access keys are derived from; nil: there are none
}

// state is what one computation of a MAC needs. States are pooled because
// setting up an HMAC allocates and hashes both pads: BenchmarkIdentify took
// 0.5 µs and no allocation with the pool, 1.2 µs and eight without.
type state struct {
	hash hash.Hash
	text [idLength + secretLength]byte
	sum  [sha256.Size]byte
}

// NewKeyring returns an empty keyring whose MACs are made under the pepper,
// which it copies. It panics if the pepper is not [PepperBytes] long: with a
// wrong one every key would be refused, or be weaker than it looks.
func NewKeyring(pepper []byte) *Keyring {
	if len(pepper) != PepperBytes {
		panic("identity: the pepper must have 32 bytes")
	}
	own := slices.Clone(pepper)
	k := &Keyring{}
	k.macs.New = func() any { return &state{hash: hmac.New(sha256.New, own)} }
	k.keys.Store(&map[string]*Key{})
	return k
}

// Identify says who presents c at an instant. A credential that is absent,
// misshapen, unknown, wrong, expired or revoked gives one and the same fault of
// kind [fault.Unauthenticated], after the same work: one MAC and one comparison
// in constant time. What a caller can learn is that it is not let in.
func (k *Keyring) Identify(c Credential, now time.Time) (Principal, error) {
	id, secret, shaped := ParseKey(string(c))
	key, known := (*k.keys.Load())[id]
	if !known {
		key = &Key{}
	}
	s := k.macs.Get().(*state)
	copy(s.text[:idLength], id)
	copy(s.text[idLength:], secret)
	same := subtle.ConstantTimeCompare(s.mac(), key.MAC[:]) == 1
	clear(s.text[:])
	k.macs.Put(s)
	if shaped && known && same && !key.Signs && key.Holds(now) {
		return Principal{Kind: Service, Key: key.ID, Workload: key.Workload}, nil
	}
	return Principal{}, unauthenticated()
}

// unauthenticated makes a new fault each time, since a fault can be added to.
func unauthenticated() error {
	return &fault.Fault{
		Kind:    fault.Unauthenticated,
		Message: "The call carries no key that is valid here. Send a Bulkhead key, bk_…, where your SDK puts its API key; keys expire and can be revoked.",
		NoRetry: true,
	}
}

// mac hashes s.text; the result is s.sum, good until the next call.
func (s *state) mac() []byte {
	s.hash.Reset()
	s.hash.Write(s.text[:])
	return s.hash.Sum(s.sum[:0])
}

var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Mint makes a key for a workload and its text form, which is shown once and
// kept nowhere. A zero expires is never. Randomness is read from random, nil
// for the system's own source; Mint panics if that fails. The key is not yet on
// the keyring: store it first, then [Keyring.Put] it.
func (k *Keyring) Mint(random io.Reader, workload, note string, created, expires time.Time) (key Key, text string) {
	if random == nil {
		random = rand.Reader
	}
	var b [10 + 32]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		panic("identity: no randomness: " + err.Error())
	}
	key = Key{ID: encoding.EncodeToString(b[:10]), Workload: workload, Note: note, Created: created, Expires: expires}
	secret := encoding.EncodeToString(b[10:])
	s := k.macs.Get().(*state)
	copy(s.text[:idLength], key.ID)
	copy(s.text[idLength:], secret)
	copy(key.MAC[:], s.mac())
	clear(s.text[:])
	k.macs.Put(s)
	return key, prefix + key.ID + "_" + secret
}

// Put adds a key, or replaces the one of the same id. It holds from the next
// [Keyring.Identify] on.
func (k *Keyring) Put(key Key) {
	k.edit(func(keys map[string]*Key) { keys[key.ID] = &key })
}

// Replace makes keys the whole of the keyring.
func (k *Keyring) Replace(keys []Key) {
	k.edit(func(all map[string]*Key) {
		clear(all)
		for _, key := range keys {
			all[key.ID] = &key
		}
	})
}

// Revoke ends a key from the next [Keyring.Identify] on, and reports whether
// there is one of that id. A key that was revoked before keeps its instant.
func (k *Keyring) Revoke(id string, at time.Time) (found bool) {
	k.edit(func(keys map[string]*Key) {
		key, ok := keys[id]
		if found = ok; !ok || !key.Revoked.IsZero() {
			return
		}
		revoked := *key
		revoked.Revoked = at
		keys[id] = &revoked
	})
	return found
}

// List gives every key, the oldest first.
func (k *Keyring) List() []Key {
	all := *k.keys.Load()
	keys := make([]Key, 0, len(all))
	for _, key := range all {
		keys = append(keys, *key)
	}
	slices.SortFunc(keys, func(a, b Key) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return keys
}

// edit swaps in a changed copy: what Identify reads is never written to.
func (k *Keyring) edit(change func(map[string]*Key)) {
	k.change.Lock()
	defer k.change.Unlock()
	keys := maps.Clone(*k.keys.Load())
	change(keys)
	k.keys.Store(&keys)
}
