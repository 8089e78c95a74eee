package translate_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/fault"
	"bulkhead/translate"
)

const stream = `data: {"id":"c","model":"m","created":1,"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}

data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

`

func TestDialects_EachHasAllSides(t *testing.T) {
	for i, d := range translate.Dialects() {
		if d.Reader == nil || d.Server == nil || d.Client == nil {
			t.Errorf("%s lacks a side", d.Name)
		}
		if got, ok := translate.Of(d.Name); !ok || got.Name != d.Name {
			t.Errorf("%s is not found", d.Name)
		}
		for _, other := range translate.Dialects()[:i] {
			if other.Name == d.Name {
				t.Errorf("%s is there twice", d.Name)
			}
		}
	}
	if _, ok := translate.Of("morse"); ok {
		t.Error("a dialect that is none is found")
	}
	if !dialect.OpenAI.Served() {
		t.Error("openai is not served")
	}
}

func TestStream_EndsAsTheVendorsDid(t *testing.T) {
	d, _ := translate.Of(dialect.OpenAI)
	for _, row := range []struct {
		name string
		src  io.Reader
		kind fault.Kind // empty: whole
	}{
		{"whole", strings.NewReader(stream + "data: [DONE]\n\n"), ""},
		{"cut", strings.NewReader(stream), fault.UpstreamError},
		{"failed", strings.NewReader(stream[:strings.Index(stream, "\n\n")] + "\n\ndata: {\"error\":{\"code\":503}}\n\n"), fault.UpstreamUnavailable},
		{"broken by the network", io.MultiReader(strings.NewReader(stream), iotest.ErrReader(errors.New("reset"))), fault.Internal},
	} {
		t.Run(row.name, func(t *testing.T) {
			out, err := translate.Stream(nil, d.Client.Stream(&dialect.Upstream{}), row.src, d.Server.Stream(&dialect.Answering{}))
			whole := strings.HasSuffix(string(out), "data: [DONE]\n\n")
			told := strings.Count(string(out), `"error"`)
			if row.kind == "" && (err != nil || !whole || told != 0) {
				t.Errorf("%v, %s", err, out)
			}
			if row.kind != "" && (err == nil || fault.From(err).Kind != row.kind || whole || told != 1) {
				t.Errorf("%v, %s", err, out)
			}
		})
	}
}

func TestRequest_RefusesWhatIsReliedOnOnlyAbroad(t *testing.T) {
	d, _ := translate.Of(dialect.OpenAI)
	abroad := d
	abroad.Name = "abroad"
	r := &chat.Request{Extra: chat.Extra{{Dialect: "openai", Name: "moderation", Value: chat.Raw(`{}`)}}}
	if _, err := d.Request(r, d, &dialect.Upstream{}, d.Losses("openai", nil)); err != nil {
		t.Errorf("at home: %v", err)
	}
	_, err := d.Request(r, abroad, &dialect.Upstream{}, d.Losses("abroad", nil))
	if f := fault.From(err); err == nil || f.Kind != fault.Unsupported || f.Field != "moderation" {
		t.Errorf("abroad: %v", err)
	}
	if _, err := d.Request(r, abroad, &dialect.Upstream{}, d.Losses("abroad", []string{"moderation"})); err != nil {
		t.Errorf("allowed: %v", err)
	}
}
