package tiles

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// p384Type is what stands before the public key of our own signature type.
// C2SP's signed-note reserves 0xff, followed by a longer identifier, for types
// that it does not assign. The signature is ECDSA over P-384 with SHA-384 of
// the text, as two integers of 48 bytes; the key is a point in uncompressed
// form (SEC 1, 2.3.3).
const p384Type = "\xffbulkhead-ecdsa-p384-sha384\x00"

// NewVerifier reads a verifier key: one of x/mod's Ed25519 keys or a key of our
// P-384 type. Both are written NAME+ID+KEY.
func NewVerifier(vkey string) (note.Verifier, error) {
	name, rest, _ := strings.Cut(strings.TrimSpace(vkey), "+")
	id, encoded, _ := strings.Cut(rest, "+")
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || id != strings.ToLower(id) || base64.StdEncoding.EncodeToString(key) != encoded {
		return nil, errors.New("this is no verifier key: NAME+ID+KEY")
	}
	point, ours := strings.CutPrefix(string(key), p384Type)
	if !ours {
		v, err := note.NewVerifier(strings.TrimSpace(vkey))
		if err != nil {
			return nil, fmt.Errorf("verifier key of %q: %w", name, err)
		}
		return v, nil
	}
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P384(), []byte(point))
	if err != nil {
		return nil, fmt.Errorf("verifier key of %q: %w", name, err)
	}
	v := &p384Verifier{name: name, hash: keyID(name, key), key: pub}
	if want, err := strconv.ParseUint(id, 16, 32); err != nil || len(id) != 8 || uint32(want) != v.hash {
		return nil, fmt.Errorf("verifier key of %q: its id is not that of its key", name)
	}
	return v, nil
}

// ParseKeys reads verifier keys, one a line; empty lines are passed over.
func ParseKeys(text []byte) ([]note.Verifier, error) {
	var out []note.Verifier
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		v, err := NewVerifier(line)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	if len(out) == 0 {
		return nil, errors.New("there is no verifier key")
	}
	return out, nil
}

func keyID(name string, key []byte) uint32 {
	sum := sha256.Sum256([]byte(name + "\n" + string(key)))
	return binary.BigEndian.Uint32(sum[:])
}

type p384Verifier struct {
	name string
	hash uint32
	key  *ecdsa.PublicKey
}

var _ note.Verifier = (*p384Verifier)(nil)

// Name is the log's name.
func (v *p384Verifier) Name() string { return v.name }

// KeyHash is the key's id.
func (v *p384Verifier) KeyHash() uint32 { return v.hash }

// Verify reports whether sig is the key's signature of msg.
func (v *p384Verifier) Verify(msg, sig []byte) bool {
	if len(sig) != 96 {
		return false
	}
	digest := sha512.Sum384(msg)
	return ecdsa.VerifyASN1(v.key, digest[:], derSignature(sig[:48], sig[48:]))
}

// P384Signer signs checkpoints with the second, CNSA 1.0, signature type.
type P384Signer struct {
	name string
	hash uint32
	vkey string
	key  *ecdsa.PrivateKey
}

var _ note.Signer = (*P384Signer)(nil)

// NewP384Signer makes a signer from a private key in PKCS #8 form, DER.
func NewP384Signer(name string, pkcs8 []byte) (*P384Signer, error) {
	k, err := x509.ParsePKCS8PrivateKey(pkcs8)
	key, ok := k.(*ecdsa.PrivateKey)
	if err != nil || !ok || key.Curve != elliptic.P384() {
		return nil, errors.New("this is no P-384 key in PKCS #8 form")
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		return nil, err
	}
	encoded := append([]byte(p384Type), point...)
	hash := keyID(name, encoded)
	vkey := fmt.Sprintf("%s+%08x+%s", name, hash, base64.StdEncoding.EncodeToString(encoded))
	return &P384Signer{name, hash, vkey, key}, nil
}

// GenerateP384 makes a private key in the form that [NewP384Signer] takes.
func GenerateP384() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKCS8PrivateKey(key)
}

// Name is the log's name.
func (s *P384Signer) Name() string { return s.name }

// KeyHash is the key's id.
func (s *P384Signer) KeyHash() uint32 { return s.hash }

// VerifierKey is the public half, as [NewVerifier] reads it.
func (s *P384Signer) VerifierKey() string { return s.vkey }

// Sign signs a text.
func (s *P384Signer) Sign(msg []byte) ([]byte, error) {
	digest := sha512.Sum384(msg)
	r, t, err := ecdsa.Sign(rand.Reader, s.key, digest[:])
	if err != nil {
		return nil, err
	}
	sig := make([]byte, 96)
	r.FillBytes(sig[:48])
	t.FillBytes(sig[48:])
	return sig, nil
}

// derSignature writes two unsigned integers as ASN.1's ECDSA-Sig-Value.
func derSignature(r, s []byte) []byte {
	body := append(derInt(r), derInt(s)...)
	return append([]byte{0x30, byte(len(body))}, body...) // at most 102 bytes: the short form
}

func derInt(b []byte) []byte {
	for len(b) > 1 && b[0] == 0 && b[1] < 0x80 {
		b = b[1:]
	}
	if b[0] >= 0x80 {
		b = append([]byte{0}, b...)
	}
	return append([]byte{0x02, byte(len(b))}, b...)
}
