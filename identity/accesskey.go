package identity

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"bulkhead/fault"
)

// StoreKeyBytes is the length of a store key.
const StoreKeyBytes = 32

// accessPrefix begins the ids of our access keys. AWS's own begin with AKIA or
// ASIA; with it an id has the 20 characters that SDKs expect.
const accessPrefix = "BKIA"

const secretAccessBytes = 30 // 240 bits; 40 characters, as AWS's have

// AccessKey is a key in the form that AWS SDKs sign with.
type AccessKey struct {
	ID     string // BKIA and the key's id in capitals
	Secret string // shown once; prints as it is, so hand it on and no further
}

// AccessKeyID is the id under which AWS SDKs know the key of an id.
func AccessKeyID(id string) string { return accessPrefix + strings.ToUpper(id) }

// ParseAccessKeyID gives the id of the key behind an access key's id. It reports
// the form only.
func ParseAccessKeyID(s string) (id string, ok bool) {
	rest, ok := strings.CutPrefix(s, accessPrefix)
	id = strings.ToLower(rest)
	if !ok || len(rest) != idLength || !base32Text(id) || strings.ToUpper(id) != rest {
		return "", false
	}
	return id, true
}

// ErrNoStoreKey says that access keys cannot be made: the keyring was given no
// store key.
var ErrNoStoreKey = errors.New("there is no store key to derive access keys from")

// UseStoreKey gives the keyring the key that the secrets of access keys are
// derived from, which it copies. Without one every signature is refused. It is
// called before the keyring is shared, and panics if the key is not
// [StoreKeyBytes] long.
func (k *Keyring) UseStoreKey(key []byte) {
	if len(key) != StoreKeyBytes {
		panic("identity: the store key must have 32 bytes")
	}
	k.store = slices.Clone(key)
}

// secretAccess derives the secret of the access key of an id: HKDF-SHA-256
// (RFC 5869) of the store key with the id in its info. A signature is verified
// with the secret itself, so that a digest of it would not do.
func (k *Keyring) secretAccess(id string) (string, error) {
	if k.store == nil {
		return "", ErrNoStoreKey
	}
	b, err := hkdf.Key(sha256.New, k.store, nil, "bulkhead/aws-secret-access-key/1/"+id, secretAccessBytes)
	return base64.RawURLEncoding.EncodeToString(b), err
}

// MintAccessKey is [Keyring.Mint] for a key that AWS SDKs sign with: an access
// key whose secret is derived, so that it can be had again by whoever holds the
// store key, and by nobody else.
func (k *Keyring) MintAccessKey(random io.Reader, workload, note string, created, expires time.Time) (Key, AccessKey, error) {
	key, _ := k.Mint(random, workload, note, created, expires) // the text is nobody's: this key is no bearer's
	secret, err := k.secretAccess(key.ID)
	if err != nil {
		return Key{}, AccessKey{}, err
	}
	key.Signs, key.MAC = true, k.accessMAC(key.ID, secret)
	return key, AccessKey{ID: AccessKeyID(key.ID), Secret: secret}, nil
}

// accessMAC binds a row to pepper and store key, as the MAC of a bearer's key
// does; the texts differ in length, so that neither can stand for the other.
func (k *Keyring) accessMAC(id, secret string) (sum [sha256.Size]byte) {
	s := k.macs.Get().(*state)
	s.hash.Reset()
	s.hash.Write([]byte(id + secret))
	s.hash.Sum(sum[:0])
	k.macs.Put(s)
	return sum
}

// Derives reports whether an access key's secret can be derived: false after
// the store key or the pepper were lost, and others made in their place.
func (k *Keyring) Derives(key Key) bool {
	secret, err := k.secretAccess(key.ID)
	return err == nil && k.accessMAC(key.ID, secret) == key.MAC
}

// Claim is who a signed request says it comes from. It is proven at once where
// the header tells what the body is; else by [Claim.Prove], before which
// nothing may be done in the principal's name but to read the body.
type Claim struct {
	Principal Principal
	signed    *Signed
	secret    string
	proven    bool
}

// IdentifySigned says who signed a request, at an instant. What can be seen in
// the request alone, its date above all, is told plainly; an access key that is
// unknown, expired or revoked, and a signature that does not match, give one
// and the same fault of kind [fault.Unauthenticated].
//
// An unknown key is refused before the body has come, also where the signature
// could be verified only with it: ids are no secret, and nobody without one
// shall make Bulkhead hold bytes.
func (k *Keyring) IdentifySigned(s *Signed, now time.Time) (*Claim, error) {
	if err := s.CheckTime(now); err != nil {
		return nil, err
	}
	id, shaped := ParseAccessKeyID(s.AccessKey)
	secret, err := k.secretAccess(id)
	if err != nil {
		return nil, unsigned()
	}
	key, known := (*k.keys.Load())[id]
	if !known {
		key = &Key{}
	}
	mac := k.accessMAC(id, secret)
	holds := subtle.ConstantTimeCompare(mac[:], key.MAC[:]) == 1 && key.Signs && shaped && known && key.Holds(now)
	c := &Claim{signed: s, secret: secret}
	if s.TellsBody() {
		c.proven = s.Verify(secret, [sha256.Size]byte{})
		holds = c.proven && holds
	}
	if !holds {
		return nil, unsigned()
	}
	c.Principal = Principal{Kind: Service, Key: key.ID, Workload: key.Workload}
	return c, nil
}

// Prove says whether the body of the request is the one that was signed, and,
// where that was open until now, whether the signature is the key's.
func (c *Claim) Prove(body []byte) error {
	sum := sha256.Sum256(body)
	if !c.proven {
		if c.proven = c.signed.Verify(c.secret, sum); !c.proven {
			return unsigned()
		}
		return nil
	}
	if !c.signed.MatchesBody(sum) {
		return refuse("The body is not the one that x-amz-content-sha256 tells of.")
	}
	return nil
}

// unsigned is [unauthenticated] for those who sign.
func unsigned() error {
	return &fault.Fault{
		Kind:    fault.Unauthenticated,
		Message: "The request is not signed with an access key that is valid here. Sign with a pair made by bulkhead key create --aws, with the host, path and query as they arrive here; keys expire and can be revoked.",
		NoRetry: true,
	}
}
