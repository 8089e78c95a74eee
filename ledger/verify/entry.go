package verify

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
)

// Entry is an entry of a ledger, read strictly: it is in canonical form, of
// version 1, of a known kind, and has the members of that kind and no others.
type Entry struct {
	Index     int64
	Kind      string // admission, attempt-start, attempt-end, outcome, refusal, change, counts, start, stop
	At        time.Time
	Call      string
	Admission int64 // index of the call's admission; -1 where the entry has none
	Previous  int64 // index of the call's entry before this one; -1: none
	Attempt   int64 // 0: none
	Offering  string
	Model     string // of an attempt's start: vendor/name
	Ended     string // of an outcome
	Open      int64  // of a stop
	Unknown   int64  // of a start: how many calls it gave the outcome unknown

	Offerings []string // of an admission: what its permit allows
	Unlisted  bool     // the permit was too long to name its offerings
	Banner    string   // of a start: the ledger's marking, for people
	Text      []byte   // the entry itself
}

// shape is what a member's value must be.
type shape byte

const (
	text   shape = iota // a string
	number              // an integer, zero or above
	instant
	yes    // true
	inside // an object, opaque or read elsewhere
	list   // an array of strings
	any    // whatever is canonical
	seven  // the kind, or the version
)

// need marks a member that must be there.
const need shape = 0x80

// shapes are the members of each kind, in version 1.
var shapes = map[string]map[string]shape{
	"admission": {"action": text, "alias": text, "at": instant | need, "call": text | need, "change": number, "commitment": text, "dialect": text,
		"estate": text, "facts": text, "marking": inside | need, "permit": inside | need, "principal": text, "purpose": text, "retries": number,
		"size": number | need, "stream": yes, "subject": any, "workload": text},
	"attempt-start": {"admission": number | need, "at": instant | need, "attempt": number | need, "call": text | need, "edits": any, "endpoint": text,
		"model": text, "offering": text | need, "previous": number | need, "region": text, "sent": text},
	"attempt-end": {"admission": number | need, "at": instant | need, "attempt": number | need, "call": text | need, "fault": text, "first_us": number,
		"previous": number | need, "status": number, "took_us": number, "vendor_request": text},
	"outcome": {"admission": number | need, "at": instant | need, "attempt": number | need, "call": text | need, "commitment": text, "ended": text | need,
		"fault": text, "finish": text, "losses": list, "losses_count": number, "marking": any, "marking_bytes": number, "previous": number | need,
		"size": number | need, "status": number, "usage": inside},
	"refusal": {"action": text, "alias": text, "asked": any, "at": instant | need, "call": text, "declared": any, "dialect": text, "digest": text, "effective": any, "estate": text, "fault": text | need,
		"principal": text, "purpose": text, "reasons": any, "reasons_count": number, "workload": text},
	"change": {"action": text, "at": instant | need, "by": text, "detail": any, "detail_bytes": number, "estate": text, "name": text, "via": text, "what": text},
	"counts": {"at": instant | need, "malformed": number, "refused": inside, "refused_more": number, "since": instant | need, "unauthenticated": number},
	"start":  {"at": instant | need, "banner": text, "last": text | need, "marking": any, "program": text, "rewritten": number, "torn": number, "unknown": number},
	"stop":   {"at": instant | need, "open": number},
}

var permitShape = map[string]shape{"count": number | need, "detail": any, "detail_bytes": number, "digest": text, "offerings": list}

// ParseEntry reads an entry. What it gives shares text's memory.
func ParseEntry(index int64, text []byte) (*Entry, error) {
	e := &Entry{Index: index, Admission: -1, Previous: -1, Text: text}
	var room [24]member
	members, err := object(text, room[:0])
	if err != nil {
		return nil, err
	}
	version := false
	for _, m := range members {
		switch m.name {
		case "kind":
			e.Kind = string(m.value[1:max(len(m.value)-1, 1)])
		case "v":
			version = string(m.value) == "1"
		}
	}
	shapes := shapes[e.Kind]
	if shapes == nil || !version {
		return nil, fmt.Errorf("it is no entry of version 1: kind %q", e.Kind)
	}
	if err := check(members, shapes, 2); err != nil {
		return nil, err
	}
	for _, m := range members {
		if err := e.set(m); err != nil {
			return nil, fmt.Errorf("its member %s: %w", m.name, err)
		}
	}
	return e, nil
}

// check holds members against their shapes; besides is how many others, the
// version and the kind, there are.
func check(members []member, shapes map[string]shape, besides int) error {
	needed := 0
	for _, s := range shapes {
		if s&need != 0 {
			needed++
		}
	}
	for _, m := range members {
		s, ok := shapes[m.name]
		if !ok {
			if besides--; besides < 0 || m.name != "kind" && m.name != "v" {
				return fmt.Errorf("it has a member %q that its kind has not", m.name)
			}
			continue
		}
		if s&need != 0 {
			needed--
		}
		if !s.fits(m.value) {
			return fmt.Errorf("its member %s is not what it must be", m.name)
		}
	}
	if needed > 0 {
		return errors.New("a member that its kind must have is missing")
	}
	return nil
}

func (s shape) fits(v []byte) bool {
	switch s &^ need {
	case text:
		return v[0] == '"'
	case number:
		return v[0] >= '0' && v[0] <= '9' && len(v) < 17
	case instant:
		_, ok := parseInstant(v)
		return ok
	case yes:
		return string(v) == "true"
	case inside:
		return v[0] == '{'
	case list:
		return v[0] == '['
	}
	return true
}

// parseInstant reads "2006-01-02T15:04:05.000000Z", quotes included.
func parseInstant(v []byte) (time.Time, bool) {
	const layout = `"2006-01-02T15:04:05.000000Z"`
	if len(v) != len(layout) {
		return time.Time{}, false
	}
	var n [7]int
	for i, at := range [7][2]int{{1, 5}, {6, 8}, {9, 11}, {12, 14}, {15, 17}, {18, 20}, {21, 27}} {
		for _, c := range v[at[0]:at[1]] {
			if c < '0' || c > '9' {
				return time.Time{}, false
			}
			n[i] = n[i]*10 + int(c-'0')
		}
	}
	t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], n[6]*1000, time.UTC)
	var again [len(layout)]byte
	return t, string(t.AppendFormat(again[:0], layout)) == string(v)
}

func (e *Entry) set(m member) error {
	var err error
	switch m.name {
	case "at":
		e.At, _ = parseInstant(m.value)
	case "call":
		e.Call, err = word(m.value)
	case "offering":
		e.Offering, err = word(m.value)
	case "model":
		e.Model, err = word(m.value)
	case "ended":
		e.Ended, err = word(m.value)
	case "banner":
		e.Banner, err = word(m.value)
	case "admission":
		e.Admission, err = integer(m.value)
	case "previous":
		e.Previous, err = integer(m.value)
	case "attempt":
		e.Attempt, err = integer(m.value)
	case "open":
		e.Open, err = integer(m.value)
	case "unknown":
		e.Unknown, err = integer(m.value)
	case "permit":
		err = e.permit(m.value)
	}
	return err
}

func (e *Entry) permit(v []byte) error {
	var room [8]member
	members, err := object(v, room[:0])
	if err != nil {
		return err
	}
	if err := check(members, permitShape, 0); err != nil {
		return err
	}
	var count int64
	for _, m := range members {
		switch m.name {
		case "count":
			count, err = integer(m.value)
		case "offerings":
			err = json.Unmarshal(m.value, &e.Offerings)
		}
		if err != nil {
			return err
		}
	}
	e.Unlisted = len(e.Offerings) == 0 && count > 0
	if !e.Unlisted && int64(len(e.Offerings)) != count {
		return fmt.Errorf("it counts %d offerings and names %d", count, len(e.Offerings))
	}
	return nil
}

func word(v []byte) (string, error) {
	inner := v[1 : len(v)-1]
	for _, c := range inner {
		if c == '\\' {
			return unquote(inner)
		}
	}
	return string(inner), nil
}

func integer(v []byte) (int64, error) { return strconv.ParseInt(string(v), 10, 64) }
