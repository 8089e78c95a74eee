package crossing_test

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/chat/chattest"
	"bulkhead/dialect"
	"bulkhead/fault"
	"bulkhead/translate"
	"bulkhead/wire"
)

// every is what every dialect can say: words, system messages, pictures, tools.
var every = chattest.Can{Tools: true, ObjectArgs: true, Media: []chat.Medium{chat.Image}, Instructions: true, Sampling: []chattest.Knob{chattest.MaxTokens, chattest.Temperature},
	Reasons: []chat.Reason{chat.ReasonStop, chat.ReasonLength, chat.ReasonTool}}

// pairs runs a law for every dialect and every dialect it may go to.
func pairs(t *testing.T, law func(t *rapid.T, from, to translate.Dialect)) {
	for _, from := range spoken() {
		for _, to := range spoken() {
			t.Run(fmt.Sprintf("%s/%s", from.Name, to.Name), func(t *testing.T) {
				rapid.Check(t, func(t *rapid.T) { law(t, from, to) })
			})
		}
	}
}

// through writes a request for a vendor of a dialect and reads it as that
// dialect's own gates and server do.
func through(t *rapid.T, r *chat.Request, from *translate.Dialect, to translate.Dialect) *chat.Request {
	l := chat.NewLosses(string(to.Name), nil, nil)
	var out *dialect.Outbound
	var err error
	if from == nil {
		out, err = to.Client.Encode(r, upstream(), l)
	} else {
		out, err = from.Request(r, to, upstream(), l)
	}
	if err != nil {
		t.Fatalf("what every dialect can say, %s cannot: %v", to.Name, err)
	}
	in := &dialect.Inbound{Action: call.Chat, Model: "a-model", Stream: r.Stream, Header: out.Header, Body: out.Body}
	var s wire.Scanner
	if _, err := to.Reader.Read(in, &s, dialect.Listener{}); err != nil {
		t.Fatalf("the gates of %s: %v in %s", to.Name, err, out.Body)
	}
	got, err := to.Server.Decode(in, &s)
	if err != nil {
		t.Fatalf("%s: %v in %s", to.Name, err, out.Body)
	}
	return got
}

func TestCrossing_RandomConversationsSayTheSameElsewhere(t *testing.T) {
	pairs(t, func(t *rapid.T, from, to translate.Dialect) {
		want := chattest.Request(t, every)
		asked := through(t, want, nil, from)
		got := through(t, asked, &from, to)
		ofRequest(want).within(t, ofRequest(got))
		ofRequest(got).within(t, ofRequest(want))
		if got.Stream != want.Stream || got.Sampling.Temperature != want.Sampling.Temperature || want.Sampling.MaxTokens != "" && got.Sampling.MaxTokens != want.Sampling.MaxTokens {
			t.Fatalf("sampling %+v, stream %v, and not %+v, %v", got.Sampling, got.Stream, want.Sampling, want.Stream)
		}
		if got.Choice != nil != (want.Choice != nil) || want.Choice != nil && got.Choice.Mode != want.Choice.Mode {
			t.Fatalf("the choice of tools is %+v and not %+v", got.Choice, want.Choice)
		}
	})
}

func TestCrossing_RandomStreamsSayTheSameElsewhere(t *testing.T) {
	pairs(t, func(t *rapid.T, from, to translate.Dialect) {
		want := chattest.Reply(t, every)
		e := from.Server.Stream(answering(nil))
		var vendor []byte
		for _, ev := range chattest.Events(t, want) {
			var err error
			if vendor, err = e.Event(vendor, &ev); err != nil {
				t.Fatal(err)
			}
		}
		vendor = e.Tail(vendor)
		written, err := translate.Stream(nil, from.Client.Stream(upstream()), bytes.NewReader(vendor), to.Server.Stream(answering(nil)))
		if err != nil {
			t.Fatalf("%v in %q", err, vendor)
		}
		got, err := fold(to.Client.Stream(upstream()), bytes.NewReader(written))
		if err != nil {
			t.Fatalf("%v in %q", err, written)
		}
		sameReply(t, got, want)
	})
}

func TestCrossing_FailuresAreToldInBandAndNotAsAnEnd(t *testing.T) {
	pairs(t, func(t *rapid.T, from, to translate.Dialect) {
		events := chattest.Events(t, chattest.Reply(t, every))
		e := from.Server.Stream(answering(nil))
		var vendor []byte
		for _, ev := range events[:rapid.IntRange(1, len(events)-1).Draw(t, "fails after")] {
			var err error
			if vendor, err = e.Event(vendor, &ev); err != nil {
				t.Fatal(err)
			}
		}
		vendor = e.Fail(vendor, fault.New(fault.UpstreamError, "The vendor failed."))
		written, err := translate.Stream(nil, from.Client.Stream(upstream()), bytes.NewReader(vendor), to.Server.Stream(answering(nil)))
		if err == nil {
			t.Fatalf("a failure is no failure: %q", vendor)
		}
		if _, err := fold(to.Client.Stream(upstream()), bytes.NewReader(written)); err == nil {
			t.Fatalf("a failure is presented as whole: %q", written)
		}
	})
}
