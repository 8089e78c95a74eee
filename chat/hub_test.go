package chat_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bulkhead/chat"
)

// hard is one of the hard cases in one dialect: what stands on the wire, and
// the value of the hub that it is. Beside and said explain each leaf that only
// one of them has; once explains a leaf that the hub has several times, of which the last counts.
type hard struct {
	Dialect string
	Chat    jsontext.Value // absent: that of the row before
	Wire    jsontext.Value
	Words   map[string]any    // a wire's leaf, and the leaf or leaves it is in the hub
	Beside  map[string]string // paths of the hub that the wire has not, and why
	Said    map[string]string // paths of the wire that the hub has not, and why
	Once    map[string]string
}

// structure are members whose words say only which kind a thing is.
var structure = []string{"type", "role", "kind", "medium"}

// opaque are members of wires whose value is one thing: arguments and schemas.
var opaque = []string{"input", "args", "json", "schema", "input_schema", "parameters", "parametersJsonSchema"}

// leaf is a scalar, or an opaque value, and where it is.
type leaf struct{ path, value string }

// leaves lists what a JSON value says, in order. An element of an array that
// has a type bears it in its path.
func leaves(t *testing.T, path string, v jsontext.Value) []leaf {
	t.Helper()
	var out []leaf
	d := jsontext.NewDecoder(bytes.NewReader(v))
	switch v.Kind() {
	case '{':
		var head struct {
			Type jsontext.Value `json:"type"`
		}
		if err := json.Unmarshal(v, &head); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(path, "[]") && head.Type.Kind() == '"' {
			path += "(" + text(t, head.Type) + ")"
		}
		for read(t, d); d.PeekKind() != jsontext.KindEndObject; {
			name := read(t, d).String()
			member, err := d.ReadValue()
			if err != nil {
				t.Fatal(err)
			}
			at := strings.TrimPrefix(path+"."+name, ".")
			switch {
			case slices.Contains(structure, name) && member.Kind() == '"':
			case slices.Contains(opaque, name) && member.Kind() == '{':
				if err := member.Compact(); err != nil {
					t.Fatal(err)
				}
				out = append(out, leaf{at, string(member)})
			default:
				out = append(out, leaves(t, at, member.Clone())...)
			}
		}
	case '[':
		for read(t, d); d.PeekKind() != jsontext.KindEndArray; {
			element, err := d.ReadValue()
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, leaves(t, path+"[]", element.Clone())...)
		}
	case '"':
		s := text(t, v)
		if mediaType, data, ok := chat.DataURL(s); ok {
			return []leaf{{path, mediaType}, {path, data}}
		}
		if s != "" {
			out = append(out, leaf{path, s})
		}
	default:
		out = append(out, leaf{path, string(v)})
	}
	return out
}

func read(t *testing.T, d *jsontext.Decoder) jsontext.Token {
	t.Helper()
	token, err := d.ReadToken()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func text(t *testing.T, v jsontext.Value) (s string) {
	t.Helper()
	if err := json.Unmarshal(v, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// explained reports whether a path lies at or below one that is explained.
func explained(by map[string]string, path string) bool {
	for p, why := range by {
		if rest, under := strings.CutPrefix(path, p); under && why != "" && (rest == "" || strings.ContainsAny(rest[:1], ".[(")) {
			return true
		}
	}
	return false
}

// TestHub_HoldsTheHardCasesOfEveryDialect: what each wire says, the hub says,
// in the same order, and the other way round, but for what is explained.
func TestHub_HoldsTheHardCasesOfEveryDialect(t *testing.T) {
	files, err := filepath.Glob("testdata/hub/*.json")
	if err != nil || len(files) != 3 {
		t.Fatalf("%d hard cases, %v", len(files), err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var rows []hard
		if err := json.Unmarshal(b, &rows, json.MatchCaseInsensitiveNames(true), json.RejectUnknownMembers(true)); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if len(rows) != 5 {
			t.Errorf("%s has %d dialects", file, len(rows))
		}
		var hub jsontext.Value
		for _, row := range rows {
			if row.Chat != nil {
				hub = row.Chat
			}
			t.Run(strings.TrimSuffix(filepath.Base(file), ".json")+"/"+row.Dialect, func(t *testing.T) { row.check(t, hub) })
		}
	}
}

func (row *hard) check(t *testing.T, hub jsontext.Value) {
	var r chat.Request
	if err := chat.Unmarshal(hub, &r); err != nil {
		t.Fatal(err)
	}
	canonical, err := chat.Marshal(&r)
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	said := leaves(t, "", canonical)
	for i, l := range said {
		again := slices.ContainsFunc(said[i+1:], func(later leaf) bool { return later == l })
		if !explained(row.Beside, l.path) && (row.Once[l.value] == "" || !again) {
			got = append(got, l.value)
		}
	}
	for _, l := range leaves(t, "", row.Wire) {
		if explained(row.Said, l.path) {
			continue
		}
		switch word := row.Words[l.value].(type) {
		case string:
			want = append(want, word)
		case []any:
			for _, w := range word {
				want = append(want, w.(string))
			}
		default:
			want = append(want, l.value)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the hub says\n%q\nand the wire\n%q", got, want)
	}
}
