package identity

import (
	"fmt"
	"log/slog"
	"strings"
)

// Credential is what a caller presents to say who it is, as it was sent. It is
// a secret: it prints as [credential] under every verb that fmt lets a type
// decide, in JSON, in text and in slog. The empty Credential is none at all.
//
// WARNING: fmt cannot ask the type when a Credential sits in an unexported
// field, and %p prints any string; do not print structs that hold one so.
type Credential string

const hidden = "[credential]"

// String prints nothing of the credential.
func (Credential) String() string { return hidden }

// GoString prints nothing of the credential.
func (Credential) GoString() string { return hidden }

// Format prints nothing of the credential, whatever the verb; without it a
// verb that does not fit strings would print the text as a complaint.
func (Credential) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// MarshalJSON prints nothing of the credential.
func (Credential) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }

// MarshalText prints nothing of the credential.
func (Credential) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue prints nothing of the credential.
func (Credential) LogValue() slog.Value { return slog.StringValue(hidden) }

// Lengths in the text form of a key, bk_<id>_<secret>, in characters of
// lower-case base 32 (RFC 4648 section 6, without padding).
const (
	prefix       = "bk_"
	idLength     = 16 // 80 bits
	secretLength = 52 // 256 bits
	textLength   = len(prefix) + idLength + 1 + secretLength
)

// ParseKey splits the text form bk_<id>_<secret>: an id of 16 and a secret of
// 52 characters of a–z and 2–7. It reports the form only; whether there is
// such a key is for [Keyring.Identify] to say.
func ParseKey(s string) (id, secret string, ok bool) {
	if len(s) != textLength || !strings.HasPrefix(s, prefix) || s[len(prefix)+idLength] != '_' {
		return "", "", false
	}
	id, secret = s[len(prefix):len(prefix)+idLength], s[len(prefix)+idLength+1:]
	if !base32Text(id) || !base32Text(secret) {
		return "", "", false
	}
	return id, secret, true
}

func base32Text(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}
