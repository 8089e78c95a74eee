package sim

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Rule says which calls go wrong and how. The first rule of a list that fires for a call is applied to it.
type Rule struct {
	Name  string `json:"name,omitzero"` // for the record; empty: the place in the list, as "#1"
	Match Match  `json:"match,omitzero"`
	Fault Fault  `json:"fault"`
}

// Match says which calls a rule is for; a field left out matches all. Calls that fit Vendor, Path, Model and Stream are
// numbered from 1 per rule, and Nth, Count and Probability speak of these numbers.
type Match struct {
	Vendor string `json:"vendor,omitzero"`
	Path   string `json:"path,omitzero"`   // a part of the path, for example "/embeddings"
	Model  string `json:"model,omitzero"`  // or deployment, as the caller named it
	Stream *bool  `json:"stream,omitzero"` // only calls that do, or do not, ask for a stream
	Nth    int    `json:"nth,omitzero"`    // the first call it fires for; 0 means 1
	Count  int    `json:"count,omitzero"`  // for how many it fires; 0 means all from Nth on, or one if Nth is given
	// Probability fires for a share of them, 0 < p ≤ 1; 0 means all. Equal seeds choose equal calls.
	Probability float64 `json:"probability,omitzero"`
	Seed        uint64  `json:"seed,omitzero"`
}

// Fault says what goes wrong. Fields may be combined where that has a meaning: a status with a delay, a slow pace with
// a cut. "Chunks" are the events of a stream as sent, Azure's first empty one included, [DONE] not; a unary body is one.
type Fault struct {
	Status  int               `json:"status,omitzero"`  // answer with this, and Body or the vendor's own error for it
	Headers map[string]string `json:"headers,omitzero"` // set on the reply, whatever it is
	Body    string            `json:"body,omitzero"`    // in place of the reply's body
	// Redirect answers 307 with this Location.
	Redirect string `json:"redirect,omitzero"`
	// Early answers before the body is read, and does not read it. It needs Status, Redirect or ResetBeforeHeader,
	// and a match by vendor, path or deployment in the path alone.
	Early bool `json:"early,omitzero"`

	DelayHeader     Duration `json:"delay_header,omitzero"`
	DelayFirstChunk Duration `json:"delay_first_chunk,omitzero"` // after the header has been sent
	Pace            Duration `json:"pace,omitzero"`              // between chunks, in place of the configured pace
	KeepAlive       Duration `json:"keep_alive,omitzero"`        // comment lines at this interval while a stream waits

	ResetBeforeHeader bool     `json:"reset_before_header,omitzero"` // TCP reset (HTTP/2: RST_STREAM)
	ResetAfterChunks  *int     `json:"reset_after_chunks,omitzero"`
	ResetAfterBytes   *int     `json:"reset_after_bytes,omitzero"`
	CutAfterChunks    *int     `json:"cut_after_chunks,omitzero"` // the connection closes in the midst of the body
	CutAfterBytes     *int     `json:"cut_after_bytes,omitzero"`
	EndAfterChunks    *int     `json:"end_after_chunks,omitzero"`   // the body ends in good order, but early
	ErrorAfterChunks  *int     `json:"error_after_chunks,omitzero"` // an error event, then a good end without [DONE]
	StallAfterChunks  *int     `json:"stall_after_chunks,omitzero"` // nothing more, until StallFor is over or the caller leaves
	StallFor          Duration `json:"stall_for,omitzero"`          // 0: for ever
	MalformedChunk    int      `json:"malformed_chunk,omitzero"`    // the nth chunk (from 1) is broken JSON; unary: 1
	// CorruptChunk is the nth chunk (from 1) damaged on its way: in frames the checksum does not match, elsewhere a byte
	// is not UTF-8.
	CorruptChunk int  `json:"corrupt_chunk,omitzero"`
	NoEndMarker  bool `json:"no_end_marker,omitzero"` // without [DONE], or the events that say so elsewhere
	// ErrorStatus is the status in whose words error_after_chunks speaks; 0 means 500. With no chunk before it a unary
	// reply is an error under the status 200.
	ErrorStatus int `json:"error_status,omitzero"`
	// Endless lets the answer never end: the chunk in its midst comes again and again, a unary body goes on.
	Endless bool `json:"endless,omitzero"`
	// Drip sends the body so many bytes at a time, with the pace between them.
	Drip int `json:"drip,omitzero"`
	// ContextLength refuses the prompt as too long for the model, in the vendor's words.
	ContextLength bool `json:"context_length,omitzero"`
	// Filter lets the vendor's content filter stop the "prompt" or the "answer", where it tells them apart.
	Filter string `json:"filter,omitzero"`
	// Usage is one of "none" (never sent, even if asked for), "always" (sent though not asked for), "duplicate" (the
	// usage chunk comes twice), "cumulative" (on every chunk, counting up).
	Usage string `json:"usage,omitzero"`
	Gzip  bool   `json:"gzip,omitzero"` // content-encoding gzip, whatever the caller accepts
	// EmptyToolIDs sends "" for the ids of tool calls, as some compatible servers do.
	EmptyToolIDs bool `json:"empty_tool_ids,omitzero"`
	// NoFirstDelta leaves the delta out of the first chunk of each choice, as Azure was seen to do.
	NoFirstDelta bool `json:"no_first_delta,omitzero"`
}

// Duration is written as Go writes it: "250ms", "1m30s".
type Duration time.Duration

// MarshalText gives d as Go writes durations.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what MarshalText gives. Negative durations are refused.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil || v < 0 {
		return fmt.Errorf("duration %q: write for example \"250ms\" or \"2s\"", text)
	}
	*d = Duration(v)
	return nil
}

// ReadRules reads a JSON list of rules. Unknown fields and rules that could never work are errors.
func ReadRules(r io.Reader) ([]Rule, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var rules []Rule
	if err := json.Unmarshal(bytes.TrimSpace(text), &rules, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("fault rules: %w", err)
	}
	return rules, checkRules(rules)
}

func checkRules(rules []Rule) error {
	var errs []error
	for i, r := range rules {
		if err := r.check(); err != nil {
			errs = append(errs, fmt.Errorf("fault rule %s: %w", r.label(i), err))
		}
	}
	return errors.Join(errs...)
}

func (r Rule) label(i int) string {
	if r.Name != "" {
		return r.Name
	}
	return "#" + strconv.Itoa(i+1)
}

func (r Rule) check() error {
	m, f := r.Match, r.Fault
	switch {
	case m.Nth < 0 || m.Count < 0:
		return errors.New("match.nth and match.count count from 1")
	case m.Probability < 0 || m.Probability > 1:
		return errors.New("match.probability is a share from 0 to 1")
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("fault.status %d: give a status from 200 to 599", f.Status)
	case f.Early && f.Status == 0 && f.Redirect == "" && !f.ResetBeforeHeader:
		return errors.New("fault.early answers before the body is read, so it needs fault.status, fault.redirect or fault.reset_before_header")
	case f.Early && m.Stream != nil:
		return errors.New("match.stream stands in the body, which fault.early does not read")
	case f.MalformedChunk < 0 || f.CorruptChunk < 0:
		return errors.New("fault.malformed_chunk and fault.corrupt_chunk count from 1")
	case f.Drip < 0:
		return errors.New("fault.drip is a number of bytes")
	case f.ErrorStatus != 0 && (f.ErrorStatus < 400 || f.ErrorStatus > 599):
		return fmt.Errorf("fault.error_status %d: give a status from 400 to 599", f.ErrorStatus)
	case !slices.Contains([]string{"", "prompt", "answer"}, f.Filter):
		return fmt.Errorf("fault.filter %q: use prompt or answer", f.Filter)
	case !slices.Contains([]string{"", "none", "always", "duplicate", "cumulative"}, f.Usage):
		return fmt.Errorf("fault.usage %q: use none, always, duplicate or cumulative", f.Usage)
	}
	for name, n := range f.points() {
		if n != nil && *n < 0 {
			return fmt.Errorf("fault.%s: give 0 or more", name)
		}
	}
	return nil
}

// errorStatus is the status in whose words a reply breaks off.
func (f Fault) errorStatus() int { return cmp.Or(f.ErrorStatus, http.StatusInternalServerError) }

// stopsAfter says whether the fault ends a reply after n chunks.
func (f Fault) stopsAfter(n int) bool {
	for _, p := range []*int{f.ResetAfterChunks, f.CutAfterChunks, f.EndAfterChunks, f.ErrorAfterChunks, f.StallAfterChunks} {
		if p != nil && *p == n {
			return true
		}
	}
	return false
}

func (f Fault) points() map[string]*int {
	return map[string]*int{
		"reset_after_chunks": f.ResetAfterChunks, "reset_after_bytes": f.ResetAfterBytes,
		"cut_after_chunks": f.CutAfterChunks, "cut_after_bytes": f.CutAfterBytes, "end_after_chunks": f.EndAfterChunks,
		"error_after_chunks": f.ErrorAfterChunks, "stall_after_chunks": f.StallAfterChunks,
	}
}

// SetFaults replaces the rules; their counting begins anew. With an error nothing is changed.
func (s *Sim) SetFaults(rules []Rule) error {
	if err := checkRules(rules); err != nil {
		return err
	}
	s.faults.set(rules)
	return nil
}

// Faults returns the rules in force.
func (s *Sim) Faults() []Rule {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	out := make([]Rule, len(s.faults.rules))
	for i, r := range s.faults.rules {
		out[i] = r.Rule
	}
	return out
}

type faultTable struct {
	mu    sync.Mutex
	rules []*countedRule
}

type countedRule struct {
	Rule
	label string
	calls int
	dice  dice
}

func (t *faultTable) set(rules []Rule) {
	counted := make([]*countedRule, len(rules))
	for i, r := range rules {
		counted[i] = &countedRule{Rule: r, label: r.label(i), dice: dice{r.Match.Seed}}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rules = counted
}

// sighting is what is known of a call when rules are looked at.
type sighting struct {
	vendor, path, model string
	stream              bool
}

// pick returns the fault for a call and its rule's label, or a zero Fault and "". Rules with Early are looked at
// before the body is read, the others after; each call is counted once by each rule it fits.
func (t *faultTable) pick(c sighting, early bool) (Fault, string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var chosen *countedRule
	for _, r := range t.rules {
		if r.Fault.Early == early && r.Match.fits(c) && r.fires() && chosen == nil {
			chosen = r
		}
	}
	if chosen == nil {
		return Fault{}, ""
	}
	return chosen.Fault, chosen.label
}

func (m Match) fits(c sighting) bool {
	return (m.Vendor == "" || m.Vendor == c.vendor) &&
		(m.Path == "" || strings.Contains(c.path, m.Path)) &&
		(m.Model == "" || m.Model == c.model) &&
		(m.Stream == nil || *m.Stream == c.stream)
}

// fires counts a call and says whether the rule applies to it.
func (r *countedRule) fires() bool {
	r.calls++
	first := max(r.Match.Nth, 1)
	last := first + r.Match.Count - 1
	switch {
	case r.Match.Count == 0 && r.Match.Nth > 0:
		last = first
	case r.Match.Count == 0:
		last = r.calls
	}
	lucky := r.Match.Probability == 0 || r.dice.unit() < r.Match.Probability
	return r.calls >= first && r.calls <= last && lucky
}

// rulesJSON is the form of rules at GET /_sim/faults.
func rulesJSON(rules []Rule) []byte {
	if rules == nil {
		rules = []Rule{}
	}
	b, err := json.Marshal(rules, jsontext.WithIndent("  "))
	if err != nil {
		panic(fmt.Sprintf("encode fault rules: %v", err))
	}
	return b
}
