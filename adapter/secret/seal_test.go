package secret_test

import (
	"bytes"
	"errors"
	"testing"

	"bulkhead/adapter/secret"
)

func TestSeal_OpensInItsPlaceAlone(t *testing.T) {
	s, err := secret.NewSealer(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	other, _ := secret.NewSealer(bytes.Repeat([]byte{2}, 32))
	text := []byte(`{"level":"SECRET"}`)
	box := s.Seal(text, "low.ledger", 17)
	if got, err := s.Open(box, "low.ledger", 17); err != nil || !bytes.Equal(got, text) {
		t.Fatalf("Open = %q, %v", got, err)
	}
	if bytes.Contains(box, text[2:7]) || bytes.Equal(box, s.Seal(text, "low.ledger", 17)) {
		t.Error("the box shows its text, or two boxes are alike")
	}
	for name, open := range map[string]func() ([]byte, error){
		"another entry": func() ([]byte, error) { return s.Open(box, "low.ledger", 18) },
		"another log":   func() ([]byte, error) { return s.Open(box, "low.ledge", 17) },
		"another key":   func() ([]byte, error) { return other.Open(box, "low.ledger", 17) },
		"cut":           func() ([]byte, error) { return s.Open(box[:8], "low.ledger", 17) },
	} {
		if _, err := open(); !errors.Is(err, secret.ErrSealBroken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range box {
		b := bytes.Clone(box)
		b[i] ^= 1
		if _, err := s.Open(b, "low.ledger", 17); !errors.Is(err, secret.ErrSealBroken) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
	if _, err := secret.NewSealer([]byte("short")); err == nil {
		t.Error("a short key was taken")
	}
}
