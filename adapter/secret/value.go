// Package secret reads secrets from where they are kept: the references that
// the estate writes (env:NAME, file:PATH) and Bulkhead's own pepper of keys in
// the data folder.
//
// It keeps nothing: what it reads is handed on as a [Value], which prints
// nothing of itself, and is read anew when it is asked for again. It is the
// place where a key manager would be added. Begin with [Resolve] and [Pepper].
package secret

import (
	"fmt"
	"log/slog"
)

// Value is a secret. It prints as [secret] under every verb, in JSON, in text
// and in slog, also where it sits in an unexported field, because it holds only
// a pointer. The zero Value is no secret.
type Value struct{ text *string }

const hidden = "[secret]"

// Of makes a Value of a text that is already in hand.
func Of(text string) Value { return Value{&text} }

// Reveal gives the text itself, for the one place that needs it. That of the
// zero Value is empty.
func (v Value) Reveal() string {
	if v.text == nil {
		return ""
	}
	return *v.text
}

// IsZero reports whether there is no secret, or an empty one.
func (v Value) IsZero() bool { return v.Reveal() == "" }

// String prints nothing of the secret.
func (Value) String() string { return hidden }

// GoString prints nothing of the secret.
func (Value) GoString() string { return hidden }

// Format prints nothing of the secret, whatever the verb.
func (Value) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// MarshalJSON prints nothing of the secret.
func (Value) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }

// MarshalText prints nothing of the secret.
func (Value) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue prints nothing of the secret.
func (Value) LogValue() slog.Value { return slog.StringValue(hidden) }
