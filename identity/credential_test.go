package identity_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"bulkhead/identity"
)

const sample = "bk_aaaabbbbccccdddd_" + "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrsq"

func TestParseKey_ReadsOnlyTheOneForm(t *testing.T) {
	id, secret, ok := identity.ParseKey(sample)
	if !ok || id != "aaaabbbbccccdddd" || secret != sample[20:] {
		t.Fatalf("ParseKey(sample) = %q, %q, %v", id, secret, ok)
	}
	for name, in := range map[string]string{
		"empty":              "",
		"prefix alone":       "bk_",
		"another prefix":     "sk_" + sample[3:],
		"upper case":         strings.ToUpper(sample),
		"digit outside":      strings.Replace(sample, "aaaa", "aaa1", 1),
		"eight in secret":    sample[:len(sample)-1] + "8",
		"short by one":       sample[:len(sample)-1],
		"long by one":        sample + "a",
		"space before":       " " + sample,
		"newline after":      sample + "\n",
		"no second mark":     strings.Replace(sample, "_a", "-a", 2),
		"mark moved":         "bk_aaaabbbbccccddd_a" + sample[20:],
		"mark in secret":     sample[:30] + "_" + sample[31:],
		"nul in id":          "bk_aaaabbbbccccddd\x00_" + sample[20:],
		"letter of two byte": "bk_aaaabbbbccccdé_" + sample[20:],
	} {
		if id, secret, ok := identity.ParseKey(in); ok || id != "" || secret != "" {
			t.Errorf("%s: ParseKey(%q) = %q, %q, %v; want refused", name, in, id, secret, ok)
		}
	}
}

func TestParseKey_IsTheInverseOfTheTextForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		wantID := rapid.StringMatching(`[a-z2-7]{16}`).Draw(t, "id")
		wantSecret := rapid.StringMatching(`[a-z2-7]{52}`).Draw(t, "secret")
		id, secret, ok := identity.ParseKey("bk_" + wantID + "_" + wantSecret)
		if !ok || id != wantID || secret != wantSecret {
			t.Fatalf("got %q, %q, %v", id, secret, ok)
		}
	})
}

func FuzzParseKey(f *testing.F) {
	f.Add(sample)
	f.Add("bk__")
	f.Fuzz(func(t *testing.T, s string) {
		if id, secret, ok := identity.ParseKey(s); ok && s != "bk_"+id+"_"+secret {
			t.Errorf("ParseKey(%q) = %q, %q", s, id, secret)
		}
	})
}

// shown gives c through every way by which values usually get printed.
func shown(t *testing.T, c identity.Credential) map[string]string {
	t.Helper()
	out := map[string]string{}
	type holder struct{ C identity.Credential }
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%f", "%c", "%U", "%100s", "% x"} {
		out[verb] = fmt.Sprintf(verb, c)
		out["field "+verb] = fmt.Sprintf(verb, holder{c})
		out["pointer "+verb] = fmt.Sprintf(verb, &holder{c})
		out["slice "+verb] = fmt.Sprintf(verb, []identity.Credential{c})
		out["map "+verb] = fmt.Sprintf(verb, map[string]identity.Credential{"k": c})
	}
	b, err := json.Marshal(holder{c})
	if err != nil {
		t.Fatal(err)
	}
	out["json"] = string(b)
	if b, err = jsonv2.Marshal(holder{c}); err != nil {
		t.Fatal(err)
	}
	out["json v2"] = string(b)
	if b, err = c.MarshalText(); err != nil {
		t.Fatal(err)
	}
	out["text"] = string(b)
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"slog json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		"slog text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
	} {
		var buf bytes.Buffer
		slog.New(handler(&buf)).Info("m", "c", c, "holder", holder{c}, slog.Group("g", "c", c))
		out[name] = buf.String()
	}
	out["error"] = fmt.Errorf("bad %w", fmt.Errorf("key %v", c)).Error()
	return out
}

func TestCredential_PrintsNothingOfItself(t *testing.T) {
	for how, got := range shown(t, sample) {
		for _, part := range []string{"aaaabbbb", "abcdefgh", fmt.Sprintf("%x", "abcdefgh"), fmt.Sprintf("%X", "abcdefgh"), "62 6b"} {
			if strings.Contains(got, part) {
				t.Errorf("%s printed %q", how, got)
			}
		}
	}
}
