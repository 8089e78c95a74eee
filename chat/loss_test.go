package chat_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"bulkhead/chat"
	"bulkhead/fault"
)

func TestLosses_SpeakTheCallersWords(t *testing.T) {
	wire := func(path string) string { return strings.Replace(path, "parts", "content", 1) }
	l := chat.NewLosses("gemini", wire, []string{"messages[].content[].refusal"})
	l.Drop("messages[3].parts[1].cache")
	l.Drop("messages[4].parts[0].cache")
	l.Clamp("sampling.temperature")
	err := l.Refuse("messages[2].parts[0].audio", "takes no audio")
	var f *fault.Fault
	if !errors.As(err, &f) || f.Kind != fault.Unsupported || f.Field != "messages[2].content[0].audio" || !f.NoRetry || !strings.Contains(f.Message, "gemini takes no audio") {
		t.Errorf("got %v", err)
	}
	if err := l.Refuse("messages[2].parts[0].refusal", "has none"); err != nil {
		t.Errorf("an allowed loss is refused: %v", err)
	}
	own := l.Own("messages", chat.Extra{{Dialect: "openai", Name: "audio", Value: chat.Raw("1")}, {Dialect: "gemini", Name: "x", Value: chat.Raw("2")}})
	if len(own) != 1 || string(own.Get("gemini", "x")) != "2" || own.Get("openai", "audio") != nil {
		t.Errorf("got %v", own)
	}
	want := []chat.Loss{{"messages[].content[].cache", chat.Dropped, "gemini"}, {"sampling.temperature", chat.Clamped, "gemini"},
		{"messages[].content[].refusal", chat.Dropped, "gemini"}, {"messages.audio", chat.Dropped, "gemini"}}
	if !slices.Equal(l.List(), want) {
		t.Errorf("got %v", l.List())
	}
}
