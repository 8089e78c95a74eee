package crossing_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/fault"
	"bulkhead/translate"
	"bulkhead/wire"
)

// upstream is an offering that every dialect can address.
func upstream() *dialect.Upstream {
	return &dialect.Upstream{Model: "a-model", URL: "https://vendor.example", Family: "family", Store: true, AskUsage: true, MaxTokens: 4096, Project: "p", Location: "l"}
}

func answering(l *chat.Losses) *dialect.Answering {
	return &dialect.Answering{Call: call.ID("01J00000000000000000000000"), Created: time.Unix(1_700_000_000, 0), Model: "alias", Request: &chat.Request{Stream: true, Usage: true}, Loss: l}
}

// essence is what of a value no translation may change in silence: words,
// calls and their arguments, data, schemas; white space aside.
type essence struct{ leaves []string }

func (e *essence) add(s string) {
	if s = strings.Join(strings.Fields(s), ""); s != "" {
		e.leaves = append(e.leaves, s)
	}
}

func (e *essence) json(v chat.Raw) {
	if c := append(chat.Raw(nil), v...); c.Canonicalize() == nil {
		e.add(string(c))
	} else {
		e.add(string(v))
	}
}

func (e *essence) parts(list []chat.Part) {
	for _, p := range list {
		switch x := p.Content.(type) {
		case chat.Text:
			e.add(x.Text)
		case chat.Refusal:
			e.add(x.Text)
		case chat.ToolCall:
			e.add(x.Name)
			if object, fit := x.Object(); fit == chat.Exact {
				e.json(object)
			} else {
				e.add(x.Arguments)
			}
		case chat.ToolResult:
			e.parts(x.Parts)
		case chat.JSON:
			e.json(x.Value)
		case chat.Media:
			e.add(x.Data + x.URL + x.FileID + x.Text)
			e.parts(x.Parts)
		}
	}
}

func ofRequest(r *chat.Request) *essence {
	e := &essence{}
	e.parts(r.Instructions)
	for _, m := range r.Messages {
		e.parts(m.Parts)
	}
	for _, t := range r.Tools {
		e.add(t.Name)
		e.add(t.Description)
	}
	return e
}

func ofReply(r *chat.Reply) *essence {
	e := &essence{}
	for _, c := range r.Choices {
		e.parts(c.Parts)
	}
	return e
}

// within fails t for every leaf that the other does not hold.
func (e *essence) within(t rapid.TB, other *essence) {
	t.Helper()
	all := strings.Join(other.leaves, "\n")
	for _, leaf := range e.leaves {
		if !strings.Contains(all, leaf) {
			t.Errorf("%.200s is lost in silence; there is\n%.2000s", leaf, all)
		}
	}
}

func TestCrossing_RequestsKeepWhatTheySayOrAreRefusedByName(t *testing.T) {
	conversations := func(x *exchange) bool { return x.request != nil && !x.embed }
	cross(t, conversations, func(t *testing.T, x *exchange, to translate.Dialect) {
		var s wire.Scanner
		if _, err := x.of.Reader.Read(x.request, &s, dialect.Listener{}); err != nil {
			t.Fatalf("the gates refuse a recorded request: %v", err)
		}
		r, err := x.of.Server.Decode(x.request, &s)
		if err != nil {
			t.Fatalf("decode: %v", err)
		}
		l := x.of.Losses(to.Name, nil)
		out, err := x.of.Request(r, to, upstream(), l)
		if err != nil {
			if f := fault.From(err); f.Kind != fault.Unsupported || f.Field == "" || !f.NoRetry {
				t.Fatalf("refused without a name: %v", err)
			}
			t.Logf("refused: %v", err)
			return
		}
		if out.Method == "" || !strings.HasPrefix(out.Path, "/") {
			t.Errorf("to %s %s", out.Method, out.Path)
		}
		back := &dialect.Inbound{Action: call.Chat, Model: "a-model", Stream: r.Stream, Header: out.Header, Body: out.Body}
		if _, err := to.Reader.Read(back, &s, dialect.Listener{}); err != nil {
			t.Fatalf("the gates of %s refuse it: %v in %s", to.Name, err, out.Body)
		}
		got, err := to.Server.Decode(back, &s)
		if err != nil {
			t.Fatalf("%s does not read it: %v in %s", to.Name, err, out.Body)
		}
		ofRequest(r).within(t, ofRequest(got))
		for _, loss := range l.List() {
			t.Logf("%s %s", loss.Field, loss.Action)
		}
		if x.of.Name == to.Name && len(l.List()) > 0 {
			t.Errorf("losses at home: %v", l.List())
		}
	})
}

// near are reasons that may stand for each other: not every dialect can tell
// them apart.
var near = map[chat.Reason][]chat.Reason{
	chat.ReasonSequence: {chat.ReasonStop},
	chat.ReasonContext:  {chat.ReasonLength},
	chat.ReasonRefusal:  {chat.ReasonStop, chat.ReasonFilter},
	chat.ReasonFilter:   {chat.ReasonRefusal},
	chat.ReasonPause:    {chat.ReasonStop},
}

// sameReply fails t unless got says what want does, as far as both dialects can.
func sameReply(t rapid.TB, got, want *chat.Reply) {
	t.Helper()
	ofReply(want).within(t, ofReply(got))
	ofReply(got).within(t, ofReply(want))
	if len(got.Choices) != len(want.Choices) {
		t.Fatalf("%d choices and not %d", len(got.Choices), len(want.Choices))
	}
	for i := range want.Choices {
		g, w := got.Choices[i].Ending.Reason, want.Choices[i].Ending.Reason
		ok := g == w
		for _, n := range near[w] {
			ok = ok || g == n
		}
		if !ok {
			t.Errorf("choice %d ends with %s and not %s", i, g, w)
		}
	}
	switch {
	case want.Usage == nil && got.Usage != nil && got.Usage.Total() > 0:
		t.Errorf("a usage that nobody told: %+v", got.Usage)
	case want.Usage != nil && got.Usage == nil:
		t.Error("the usage is lost")
	case want.Usage != nil && (got.Usage.Prompt() != want.Usage.Prompt() || got.Usage.Output != want.Usage.Output):
		t.Errorf("usage %+v and not %+v", got.Usage, want.Usage)
	}
}

// unsaid reports whether a reply has more choices than the dialect can say.
func unsaid(t *testing.T, choices int, err error) bool {
	if err != nil && choices > 1 && fault.From(err).Kind == fault.Unsupported {
		t.Logf("refused: %v", err)
		return true
	}
	return false
}

func TestCrossing_RepliesSayTheSameElsewhere(t *testing.T) {
	unary := func(x *exchange) bool { return !x.stream && !x.embed && x.status == 200 }
	cross(t, unary, func(t *testing.T, x *exchange, to translate.Dialect) {
		var s wire.Scanner
		want, err := x.of.Client.Reply(x.reply, &s, upstream())
		if err != nil {
			t.Fatal(err)
		}
		l := chat.NewLosses(string(to.Name), nil, nil)
		body, err := to.Server.Reply(nil, want, answering(l))
		if unsaid(t, len(want.Choices), err) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := to.Client.Reply(body, &s, upstream())
		if err != nil {
			t.Fatalf("%s does not read it: %v in %s", to.Name, err, body)
		}
		sameReply(t, got, want)
		if x.of.Name == to.Name && len(l.List()) > 0 {
			t.Errorf("losses at home: %v", l.List())
		}
	})
}

// fold reads a stream to a reply.
func fold(d dialect.StreamDecoder, src io.Reader) (*chat.Reply, error) {
	var f chat.Folder
	if err := translate.Events(d, src, f.Add); err != nil {
		return nil, err
	}
	return f.Reply()
}

// oneByte gives one byte a read.
type oneByte struct{ r io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(1, len(p))]) }

func TestCrossing_StreamsSayTheSameElsewhereHoweverTheyAreCut(t *testing.T) {
	streams := func(x *exchange) bool { return x.stream && x.status == 200 }
	cross(t, streams, func(t *testing.T, x *exchange, to translate.Dialect) {
		want, failed := fold(x.of.Client.Stream(upstream()), bytes.NewReader(x.reply))
		a := answering(chat.NewLosses(string(to.Name), nil, nil))
		written, err := translate.Stream(nil, x.of.Client.Stream(upstream()), bytes.NewReader(x.reply), to.Server.Stream(a))
		if failed == nil && unsaid(t, len(want.Choices), err) {
			return
		}
		cut, cutErr := translate.Stream(nil, x.of.Client.Stream(upstream()), oneByte{bytes.NewReader(x.reply)}, to.Server.Stream(answering(chat.NewLosses(string(to.Name), nil, nil))))
		if (err == nil) != (cutErr == nil) || !bytes.Equal(cut, written) {
			t.Errorf("byte by byte it is another stream (%v, %v)\n%s\n%s", err, cutErr, cut, written)
		}
		got, gotErr := fold(to.Client.Stream(upstream()), oneByte{bytes.NewReader(written)})
		if failed != nil {
			if err == nil || gotErr == nil {
				t.Errorf("a stream that fails with %v is presented as whole: %v, %v", failed, err, gotErr)
			}
			return
		}
		if err != nil || gotErr != nil {
			t.Fatalf("%v, %v in %q", err, gotErr, written)
		}
		sameReply(t, got, want)
	})
}

func TestCrossing_AStreamCutAnywhereIsNeverWholeElsewhere(t *testing.T) {
	short := func(x *exchange) bool { return x.stream && x.status == 200 && len(x.reply) < 12_000 }
	cross(t, short, func(t *testing.T, x *exchange, to translate.Dialect) {
		if _, err := fold(x.of.Client.Stream(upstream()), bytes.NewReader(x.reply)); err != nil {
			t.Skip("it fails by itself")
		}
		trimmed := x.reply
		if !x.binary {
			trimmed = bytes.TrimRight(x.reply, "\r\n") // the end of the last line may be missing
		}
		step := 1 + len(trimmed)/60
		for at := 0; at < len(trimmed); at += step {
			written, err := translate.Stream(nil, x.of.Client.Stream(upstream()), bytes.NewReader(trimmed[:at]), to.Server.Stream(answering(nil)))
			if err == nil {
				t.Fatalf("cut at %d of %d it ends well", at, len(trimmed))
			}
			if _, err := fold(to.Client.Stream(upstream()), bytes.NewReader(written)); err == nil {
				t.Fatalf("cut at %d of %d it is presented as whole: %q", at, len(trimmed), written)
			}
		}
	})
}

func TestCrossing_ErrorsAreToldInTheCallersForm(t *testing.T) {
	failed := func(x *exchange) bool { return x.status != 200 && x.status != 0 }
	cross(t, failed, func(t *testing.T, x *exchange, to translate.Dialect) {
		f := x.of.Client.Fault(x.status, x.header, x.reply)
		if f == nil || f.Message == "" {
			t.Fatal("an error that says nothing")
		}
		status := dialect.Status(f.Kind)
		if f.Kind == fault.UpstreamRefused {
			status = x.status
		}
		if status < 400 {
			t.Fatalf("%s is told with status %d", f.Kind, status)
		}
		body := dialect.Refusal(to.Name, f, "01J")
		again := to.Client.Fault(status, errorHeader(to.Name, f), body)
		// Our own 502 reads as the vendor's failure; what a retry may change stays so.
		if f.Kind != again.Kind && f.Kind != fault.UpstreamMisconfig {
			t.Errorf("%s comes back as %s: %s", f.Kind, again.Kind, body)
		}
		if f.Kind == fault.UpstreamRefused && !strings.Contains(again.Message, f.Message) {
			t.Errorf("the vendor's words are lost: %q and %q", f.Message, again.Message)
		}
	})
}

// errorHeader is the header that stands with a refusal where the dialect puts the
// class of an error there.
func errorHeader(to dialect.Name, f *fault.Fault) http.Header {
	if to != dialect.Bedrock {
		return nil
	}
	return http.Header{"X-Amzn-Errortype": {dialect.ErrorType(to, f.Kind)}}
}

func TestCrossing_EmbeddingsAreTheSameElsewhere(t *testing.T) {
	embeds := func(x *exchange) bool { return x.embed && x.status == 200 }
	cross(t, embeds, func(t *testing.T, x *exchange, to translate.Dialect) {
		from, can := x.of.Server.(dialect.EmbeddingServer)
		client, _ := x.of.Client.(dialect.EmbeddingClient)
		toServer, canTo := to.Server.(dialect.EmbeddingServer)
		toClient, _ := to.Client.(dialect.EmbeddingClient)
		if !can || !canTo || client == nil || toClient == nil {
			t.Skip("one of them has no embeddings")
		}
		var s wire.Scanner
		asked, err := from.DecodeEmbed(x.request, &s)
		if err != nil {
			t.Fatal(err)
		}
		l := x.of.Losses(to.Name, nil)
		out, err := toClient.EncodeEmbed(asked, upstream(), l)
		if err != nil {
			if f := fault.From(err); f.Kind != fault.Unsupported || f.Field == "" {
				t.Fatal(err)
			}
			return
		}
		back, err := toServer.DecodeEmbed(&dialect.Inbound{Action: call.Embeddings, Model: "a-model", Body: out.Body}, &s)
		if err != nil || len(back.Inputs) != len(asked.Inputs) || back.Inputs[0].Text != asked.Inputs[0].Text {
			t.Fatalf("%v, %+v in %s", err, back, out.Body)
		}
		want, err := client.EmbedReply(x.reply, &s, upstream())
		if err != nil {
			t.Fatal(err)
		}
		body, err := toServer.EmbedReply(nil, want, back, answering(nil))
		if err != nil {
			t.Fatal(err)
		}
		got, err := toClient.EmbedReply(body, &s, upstream())
		if err != nil || len(got.Vectors) != len(want.Vectors) {
			t.Fatalf("%v, %d vectors", err, len(got.Vectors))
		}
		for i := range want.Vectors {
			g, gotErr := got.Vectors[i].Encoded()
			w, wantErr := want.Vectors[i].Encoded()
			if gotErr != nil || wantErr != nil || g != w {
				t.Errorf("vector %d is another: %v, %v", i, gotErr, wantErr)
			}
		}
	})
}
