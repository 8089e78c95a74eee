package sim

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Record is what a vendor saw of one call and did with it. It is written when the call arrives and completed as it
// goes on, so a call in flight has a record too; what a caller can have received of the reply is in it already.
type Record struct {
	Seq    int // 1 for the first call since New; never used again
	Vendor string
	Method string
	Path   string // as sent, with the /vendor/ prefix if there was one
	Query  string
	Proto  string
	Host   string
	// Header holds all headers; of those that carry credentials only "sha256:" and the first 16 digits of the hash of
	// their value is kept.
	Header http.Header
	// Body is what was read of the body, byte for byte, without transfer coding. After a fault that answers early it
	// is empty.
	Body       []byte
	BodySHA256 string // hexadecimal, of Body
	Model      string // what was asked for, if that was understood
	Fault      string // name of the rule that was applied, or its place in the list ("#2")

	ArrivedAt  time.Time // the headers were read
	BodyAt     time.Time // the body was read whole; zero before
	RepliedAt  time.Time // the first byte of the reply was handed to the connection; zero before
	EndedAt    time.Time // the vendor was done with it; zero while in flight
	LeftAt     time.Time // the caller was seen to be gone before the reply was complete; zero if it stayed
	Status     int       // of the reply; 0 while there is none
	Chunks     int       // events of a stream that were sent, "[DONE]" not counted
	BytesSent  int       // of the reply's body, before compression
	Complete   bool      // the reply was sent as meant, to its last byte
	Usage      *Counts   // what the reply counts, if it was to be a model's answer
	RetryCount string    // x-stainless-retry-count, if the caller sent it
}

// Counts are the tokens of one reply, whatever its wire calls them and whether it tells them or not.
type Counts struct {
	Input     int `json:"input_tokens"`     // all of the prompt, cached or not
	Cached    int `json:"cached_tokens"`    // of Input
	Output    int `json:"output_tokens"`    // thought included
	Reasoning int `json:"reasoning_tokens"` // of Output
}

// counted puts what a completion counts on the record.
func (x *exchange) counted(c *completion) {
	total, reasoning, _ := c.outputTokens()
	x.sim.log.update(x.rec, func(rec *Record) {
		rec.Usage = &Counts{Input: c.promptTokens, Cached: c.cachedTokens, Output: total, Reasoning: reasoning}
	})
}

// recorder is a bounded list of records, the oldest dropped first.
type recorder struct {
	mu      sync.Mutex
	limit   int
	held    int // bytes of bodies
	seq     int
	count   int
	vendors map[string]int
	entries []*Record
	changed chan struct{} // closed and renewed at every change
}

// maxHeldBytes bounds the bodies that are kept for the record.
const maxHeldBytes = 256 << 20

func (l *recorder) begin(r *http.Request, vendor string, now time.Time) *Record {
	rec := &Record{
		Vendor: vendor, Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Proto: r.Proto, Host: r.Host,
		Header: redacted(r.Header), ArrivedAt: now, BodySHA256: hashText(nil),
		RetryCount: r.Header.Get("X-Stainless-Retry-Count"),
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	rec.Seq = l.seq
	l.count++
	if l.vendors == nil {
		l.vendors = map[string]int{}
	}
	l.vendors[vendor]++
	l.entries = append(l.entries, rec)
	l.trim()
	l.notify()
	return rec
}

// update changes a record; callers never touch one outside of it.
func (l *recorder) update(rec *Record, change func(*Record)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := len(rec.Body)
	change(rec)
	if len(rec.Body) != before && slices.Contains(l.entries, rec) {
		l.held += len(rec.Body) - before
		l.trim()
	}
	l.notify()
}

func (l *recorder) trim() {
	for len(l.entries) > l.limit || (l.held > maxHeldBytes && len(l.entries) > 1) {
		l.held -= len(l.entries[0].Body)
		l.entries[0] = nil
		l.entries = l.entries[1:]
	}
}

func (l *recorder) notify() {
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

func (l *recorder) snapshot() ([]Record, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Record, len(l.entries))
	for i, e := range l.entries {
		out[i] = *e
	}
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return out, l.changed
}

// Record returns what the vendors saw, oldest first. Bodies and headers are shared with the Sim: do not change them.
func (s *Sim) Record() []Record {
	out, _ := s.log.snapshot()
	return out
}

// Await waits until some record satisfies want and returns the first such; its error is that of ctx.
func (s *Sim) Await(ctx context.Context, want func(Record) bool) (Record, error) {
	for {
		records, changed := s.log.snapshot()
		if i := slices.IndexFunc(records, want); i >= 0 {
			return records[i], nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Record{}, ctx.Err()
		}
	}
}

// Count returns how many calls reached a vendor since New or ClearRecord, those dropped from the record included.
// An empty name counts for all vendors.
func (s *Sim) Count(vendor string) int {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	if vendor == "" {
		return s.log.count
	}
	return s.log.vendors[vendor]
}

// ClearRecord empties the record and sets the counts to zero. Calls in flight no longer appear.
func (s *Sim) ClearRecord() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.entries, s.log.held, s.log.count, s.log.vendors = nil, 0, 0, nil
	s.log.notify()
}

// redacted copies headers with credentials replaced by a hash, by which equal ones can be told.
func redacted(h http.Header) http.Header {
	out := h.Clone()
	for name, values := range out {
		if !carriesCredential(name) {
			continue
		}
		for i, v := range values {
			values[i] = "sha256:" + hashText([]byte(v))[:16]
		}
	}
	return out
}

func carriesCredential(name string) bool {
	switch strings.ToLower(name) {
	case "authorization", "proxy-authorization", "api-key", "x-api-key", "x-goog-api-key", "ocp-apim-subscription-key",
		"cookie", "x-amz-security-token":
		return true
	}
	return false
}

func hashText(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// wire is the form of a record at GET /_sim/record.
func (r Record) wire() object {
	header := object{}
	for _, name := range sortedKeys(r.Header) {
		header = append(header, member{strings.ToLower(name), r.Header[name]})
	}
	out := object{
		{"seq", r.Seq}, {"vendor", r.Vendor}, {"method", r.Method}, {"path", r.Path}, {"query", r.Query},
		{"proto", r.Proto}, {"host", r.Host}, {"headers", header},
	}
	if utf8.Valid(r.Body) {
		out = append(out, member{"body", string(r.Body)})
	} else {
		out = append(out, member{"body_base64", base64.StdEncoding.EncodeToString(r.Body)})
	}
	out = append(out, object{
		{"body_bytes", len(r.Body)}, {"body_sha256", r.BodySHA256}, {"model", r.Model}, {"fault", r.Fault},
		{"arrived_at", instant(r.ArrivedAt)}, {"body_at", instant(r.BodyAt)}, {"replied_at", instant(r.RepliedAt)},
		{"ended_at", instant(r.EndedAt)}, {"left_at", instant(r.LeftAt)}, {"left", !r.LeftAt.IsZero()},
		{"status", r.Status}, {"chunks", r.Chunks}, {"bytes_sent", r.BytesSent}, {"complete", r.Complete},
		{"retry_count", r.RetryCount},
	}...)
	if r.Usage != nil {
		out = append(out, member{"usage", *r.Usage})
	}
	return out
}

// instant gives RFC 3339 with nanoseconds, and null for what has not happened.
func instant(t time.Time) any {
	if t.IsZero() {
		return jsontext.Value("null")
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
