package identity

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"bulkhead/fault"
)

// SigV4 is the scheme of AWS Signature Version 4 in an Authorization field
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html, as of
// 2026).
const SigV4 = "AWS4-HMAC-SHA256"

// ClockWindow is how far the instant of a signature may be from ours.
const ClockWindow = 5 * time.Minute

const (
	signedAt         = "20060102T150405Z"
	scopeEnd         = "aws4_request"
	maxSignedHeaders = 100
)

// SignedRequest is what of a request a signature covers, as it was received and
// not decoded.
type SignedRequest struct {
	Method string
	Path   string // escapes as they were sent
	Query  string // without its question mark
	Host   string
	Header map[string][]string // names in canonical form
}

// Signed is a request's AWS signature, read and not yet verified. Make one with
// [ParseSigned].
type Signed struct {
	AccessKey string    // id of the access key, as it was sent
	At        time.Time // when the caller signed, by its clock
	Service   string
	Region    string
	request   SignedRequest
	names     []string // of the signed fields, ascending
	payload   string   // hex SHA-256 that the header tells of the body; empty: it does not
	signature [sha256.Size]byte
}

// ParseSigned reads the signature of a request whose Authorization is of the
// scheme [SigV4]. It refuses, with a fault of kind [fault.Unauthenticated] that
// says what to change, what cannot be read, what leaves the host, the date or
// the body out, and temporary credentials, which only AWS gives. It knows no
// keys: what it says tells nothing about them.
func ParseSigned(r SignedRequest) (*Signed, error) {
	s := &Signed{request: r}
	if err := s.parse(); err != nil {
		return nil, err
	}
	if r.field("X-Amz-Security-Token") != "" {
		return nil, refuse("The request carries a session token. Bulkhead's access keys have none: unset AWS_SESSION_TOKEN, or name a profile that has only a key of Bulkhead.")
	}
	var err error
	if s.At, err = time.Parse(signedAt, r.field("X-Amz-Date")); err != nil || len(r.Header["X-Amz-Date"]) != 1 {
		return nil, refuse("The AWS signature needs one X-Amz-Date, written such as 20260131T120000Z.")
	}
	for _, name := range [...]string{"host", "x-amz-date"} {
		if !s.covers(name) && !(name == "host" && s.covers(authority)) {
			return nil, refuse("The AWS signature does not cover %s, which it must.", name)
		}
	}
	switch told := r.Header["X-Amz-Content-Sha256"]; {
	case len(told) == 0: // most SDKs leave it out: the body alone tells
	case len(told) == 1 && hexDigest(told[0]):
		s.payload = told[0]
	case len(told) == 1 && told[0] == "UNSIGNED-PAYLOAD":
		return nil, refuse("The AWS signature leaves the body out (UNSIGNED-PAYLOAD). Sign the body too.")
	default:
		return nil, refuse("The AWS signature must cover the body as a whole: x-amz-content-sha256 is to be its SHA-256, in hex.")
	}
	return s, nil
}

// authority is the host as HTTP/2 writes it, and as SDKs sign it that speak
// HTTP/2: that of JavaScript does so for Bedrock's runtime unless told otherwise.
const authority = ":authority"

func (s *Signed) covers(name string) bool {
	_, ok := slices.BinarySearch(s.names, name)
	return ok
}

// refuse makes a fault that depends on nothing but the request.
func refuse(format string, args ...any) error {
	return fault.New(fault.Unauthenticated, format, args...).Final()
}

// field gives a header field that is there once; empty: it is not.
func (r *SignedRequest) field(name string) string {
	if v := r.Header[name]; len(v) == 1 {
		return strings.TrimSpace(v[0])
	}
	return ""
}

// parse reads the Authorization field: Credential=ID/DATE/REGION/SERVICE/aws4_request,
// SignedHeaders=a;b, Signature=HEX, in any order.
func (s *Signed) parse() error {
	unread := refuse("The AWS signature in Authorization cannot be read.")
	scheme, rest, _ := strings.Cut(s.request.field("Authorization"), " ")
	if scheme != SigV4 {
		return unread
	}
	var date, signature string
	seen := map[string]bool{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok || seen[name] {
			return unread
		}
		seen[name] = true
		switch name {
		case "Credential":
			scope := strings.Split(value, "/")
			if len(scope) != 5 || scope[4] != scopeEnd || slices.Contains(scope, "") {
				return unread
			}
			s.AccessKey, date, s.Region, s.Service = scope[0], scope[1], scope[2], scope[3]
		case "SignedHeaders":
			s.names = strings.Split(value, ";")
		case "Signature":
			signature = value
		default:
			return unread
		}
	}
	// Names in order and once: a name that came twice would be hashed twice.
	ascending := true
	for i, name := range s.names {
		ascending = ascending && (i == 0 || s.names[i-1] < name)
	}
	if len(seen) != 3 || !ascending || len(s.names) > maxSignedHeaders || !hexDigest(signature) {
		return unread
	}
	if at := s.request.field("X-Amz-Date"); !strings.HasPrefix(at, date) || len(date) != 8 {
		return refuse("The AWS signature is scoped to another day than X-Amz-Date tells.")
	}
	_, err := hex.Decode(s.signature[:], []byte(signature))
	return err
}

// hexDigest reports whether v is a SHA-256 in lower-case hex.
func hexDigest(v string) bool {
	return len(v) == hex.EncodedLen(sha256.Size) && strings.Trim(v, "0123456789abcdef") == ""
}

// CheckTime refuses a signature that is further than [ClockWindow] from now,
// and says both instants: what signed must set its clock.
func (s *Signed) CheckTime(now time.Time) error {
	if d := now.Sub(s.At); d <= ClockWindow && d >= -ClockWindow {
		return nil
	}
	return refuse("The request was signed at %s and it is %s here; they may be 5 minutes apart. Set the caller's clock, and sign anew.",
		s.At.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
}

// TellsBody reports whether the header says what the body is, so that the
// signature can be verified before the body has come.
func (s *Signed) TellsBody() bool { return s.payload != "" }

// MatchesBody reports whether a body of this SHA-256 is the one that the header
// tells of, if it does.
func (s *Signed) MatchesBody(sum [sha256.Size]byte) bool {
	return s.payload == "" || s.payload == hex.EncodeToString(sum[:])
}

// Verify reports whether the request was signed with a secret access key, its
// body being what the header tells of it, or, if it does not, of the SHA-256
// sum. It compares in constant time, and says nothing of the time.
func (s *Signed) Verify(secret string, sum [sha256.Size]byte) bool {
	payload := s.payload
	if payload == "" {
		payload = hex.EncodeToString(sum[:])
	}
	canonical, ok := s.canonical(payload)
	digest := sha256.Sum256(canonical)
	at := s.At.Format(signedAt)
	text := SigV4 + "\n" + at + "\n" + at[:8] + "/" + s.Region + "/" + s.Service + "/" + scopeEnd + "\n" + hex.EncodeToString(digest[:])
	key := mac([]byte("AWS4"+secret), at[:8])
	for _, part := range [...]string{s.Region, s.Service, scopeEnd, text} {
		key = mac(key, part)
	}
	return subtle.ConstantTimeCompare(key, s.signature[:]) == 1 && ok
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// canonical writes the request in the one form that both sides hash; ok is
// false if a signed field is not there.
func (s *Signed) canonical(payload string) (b []byte, ok bool) {
	r := &s.request
	b = append(append(make([]byte, 0, 1<<10), r.Method...), '\n')
	// The path is escaped once more than it was sent, so that an ARN's %2F is
	// hashed as %252F; S3 alone does not do so.
	if s.Service == "s3" {
		b = append(b, r.Path...)
	} else {
		b = appendEscaped(b, r.Path, true)
	}
	b = append(appendQuery(append(b, '\n'), r.Query), '\n')
	ok = true
	for _, name := range s.names {
		values := r.Header[textproto.CanonicalMIMEHeaderKey(name)]
		if name == "host" || name == authority {
			values = []string{r.Host}
		}
		ok = ok && len(values) > 0
		b = append(append(b, name...), ':')
		for i, v := range values {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendTrimmed(b, v)
		}
		b = append(b, '\n')
	}
	b = append(b, '\n')
	for i, name := range s.names {
		if i > 0 {
			b = append(b, ';')
		}
		b = append(b, name...)
	}
	return append(append(b, '\n'), payload...), ok
}

// appendTrimmed writes a field's value without the spaces around it, and one
// for several within.
func appendTrimmed(b []byte, v string) []byte {
	for i, word := range strings.FieldsFunc(v, func(r rune) bool { return r == ' ' || r == '\t' }) {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, word...)
	}
	return b
}

// appendQuery writes a query sorted by name, then value, each escaped in the
// one way, however the caller escaped it.
func appendQuery(b []byte, query string) []byte {
	if query == "" {
		return b
	}
	var pairs [][2]string
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		pairs = append(pairs, [2]string{string(appendEscaped(nil, unescaped(name), false)), string(appendEscaped(nil, unescaped(value), false))})
	}
	slices.SortFunc(pairs, func(a, c [2]string) int { return slices.Compare(a[:], c[:]) })
	for i, p := range pairs {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(append(append(b, p[0]...), '='), p[1]...)
	}
	return b
}

// unescaped undoes percent escapes; what is none stays as it is. A plus is a
// space, as in a form.
func unescaped(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	var b bytes.Buffer
	for i := 0; i < len(s); i++ {
		var c [1]byte
		switch {
		case s[i] == '%' && i+2 < len(s) && decodes(c[:], s[i+1:i+3]):
			b.WriteByte(c[0])
			i += 2
		case s[i] == '+':
			b.WriteByte(' ')
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func decodes(dst []byte, digits string) bool {
	_, err := hex.Decode(dst, []byte(digits))
	return err == nil
}

// appendEscaped escapes every byte but the unreserved ones of RFC 3986, section
// 2.3, and, in paths, slashes.
func appendEscaped(b []byte, s string, path bool) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~' || path && c == '/' {
			b = append(b, c)
			continue
		}
		b = append(b, '%', digits[c>>4], digits[c&15])
	}
	return b
}
