package verify_test

import (
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// checkCanonical asks a library whether a text is the canonical one.
func checkCanonical(t *testing.T, text []byte) {
	t.Helper()
	v := jsontext.Value(text).Clone()
	if err := v.Canonicalize(); err != nil || string(v) != string(text) {
		t.Errorf("%q is taken for canonical; a library writes %q, %v", text, v, err)
	}
}
