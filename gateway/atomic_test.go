package gateway_test

import (
	"strings"
	"testing"
	"time"

	"bulkhead/call"
)

// What the caller of an atomic delivery gets is one offering's whole reply,
// though another's broke off after its first content.
func TestAtomic_ABrokenStreamFailsOverUnseen(t *testing.T) {
	for name, script := range map[string]func(*visit){
		"cut":           func(x *visit) { x.Stream(streamType, roleEvent, helloEvent); x.Hang() },
		"reset":         func(x *visit) { x.Stream(streamType, roleEvent, helloEvent); x.Reset() },
		"ended early":   func(x *visit) { x.Stream(streamType, roleEvent, helloEvent); x.End() },
		"stalled":       func(x *visit) { x.Stream(streamType, roleEvent, helloEvent); x.AwaitGone(5 * time.Second) },
		"pings only":    func(x *visit) { x.Stream(streamType, roleEvent, helloEvent); pingOn(x, ": ping\n\n") },
		"failed":        func(x *visit) { x.Stream(streamType, roleEvent, helloEvent, vendorError, doneEvent); x.End() },
		"malformed":     func(x *visit) { x.Stream(streamType, roleEvent, helloEvent, "data: {\"cho\n\n", doneEvent); x.End() },
		"without a end": func(x *visit) { x.Stream(streamType, roleEvent, helloEvent, finishEvent); x.End() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second := newVendor(t, script), newVendor(t, said(roleEvent, moreEvent, finishEvent, usageEvent, doneEvent))
			r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: first.URL, Limits: quick}, offer{Name: "two", URL: second.URL}))
			got := r.Post("/v1/chat/completions", chat(`"stream":true`), "Bulkhead-Delivery", "atomic")
			if want := roleEvent + moreEvent + finishEvent + doneEvent; got.Status != 200 || got.Body != want || got.Header.Get("Bulkhead-Offering") != "two/m" {
				t.Errorf("got %d from %q: %s", got.Status, got.Header.Get("Bulkhead-Offering"), got.Body)
			}
			rec := r.Record()
			if rec.Ending != call.Complete || rec.Offering != "two/m" || len(rec.Attempts) != 2 || rec.Attempts[0].Kind == "" || rec.Usage.Estimated {
				t.Errorf("record %+v", rec)
			}
			if n := r.Gateway.Intake().Held(); n != 0 {
				t.Errorf("%d bytes are held after the call", n)
			}
		})
	}
}

// Nobody else can serve it: the caller gets a status, not half a reply.
func TestAtomic_WithoutAnotherTheCallFailsClean(t *testing.T) {
	v := newVendor(t, func(x *visit) { x.Stream(streamType, roleEvent, helloEvent); x.Hang() })
	e := estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL})
	e.Workloads["w"].Delivery = "atomic"
	r := start(t, e)
	refused(t, r.Post("/v1/chat/completions", chat(`"stream":true`)), 502, "upstream_error")
	if rec := r.Record(); rec.Ending != call.Refused {
		t.Errorf("record %+v", rec)
	}
	live := r.Post("/v1/chat/completions", chat(`"stream":true`), "Bulkhead-Delivery", "live")
	if live.Status != 200 || !strings.HasPrefix(live.Body, roleEvent+helloEvent) {
		t.Errorf("live as the header says: got %d %s", live.Status, live.Body)
	}
}

func TestAtomic_AReplyWithoutEndIsRefusedAtTheLimit(t *testing.T) {
	endless := newVendor(t, func(x *visit) {
		x.Stream(streamType, roleEvent)
		x.ended = true
		for x.Chunks(strings.Repeat(helloEvent, 2000)) {
		}
	})
	second := newVendor(t, ok)
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: endless.URL}, offer{Name: "two", URL: second.URL}))
	got := r.Post("/v1/chat/completions", chat(`"stream":true`), "Bulkhead-Delivery", "atomic")
	refused(t, got, 502, "upstream_error")
	if !strings.Contains(got.Body, "delivered whole") || len(second.Seen()) != 0 {
		t.Errorf("got %s; the second was asked %d times", got.Body, len(second.Seen()))
	}
	if n := r.Gateway.Intake().Held(); n != 0 {
		t.Errorf("%d bytes are held after the call", n)
	}
}

func TestAtomic_TheHeaderSaysOneOfTwo(t *testing.T) {
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: newVendor(t, ok).URL}))
	refused(t, r.Post("/v1/chat/completions", chat(), "Bulkhead-Delivery", "later"), 400, "malformed")
}

func TestCourse_TooLongGoesToALargerContextAlone(t *testing.T) {
	long := `{"error":{"message":"Your input exceeds the context window of this model.","type":"invalid_request_error","param":"input","code":"context_length_exceeded"}}`
	small, same, large := newVendor(t, says(400, jsonType, long)), newVendor(t, ok), newVendor(t, ok)
	e := estateOf("a", []string{"chat"}, offer{Name: "one", URL: small.URL}, offer{Name: "three", URL: same.URL}, offer{Name: "two", URL: large.URL})
	for i, context := range []int64{8000, 8000, 128000} {
		m := *e.Offerings[i].Model
		m.Context = context
		e.Offerings[i].Model = &m
	}
	r := start(t, e)
	if got := r.Post("/v1/chat/completions", chat()); got.Status != 200 || got.Header.Get("Bulkhead-Offering") != "two/m" || len(same.Seen()) != 0 {
		t.Errorf("got %d from %q, the one of the same size asked %d times", got.Status, got.Header.Get("Bulkhead-Offering"), len(same.Seen()))
	}
	only := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: small.URL}))
	if got := only.Post("/v1/chat/completions", chat()); got.Status != 400 || got.Body != long {
		t.Errorf("with no larger one: got %d %s", got.Status, got.Body)
	}
}

// A reply that the vendor's filter ended stands, unless the workload says that
// the next offering is to be asked.
func TestCourse_AFilterIsTheEndUnlessTheWorkloadSaysOtherwise(t *testing.T) {
	stopped := func(x *visit) {
		x.Reply(200, jsonType, strings.Replace(spoken("half"), `"stop"`, `"content_filter"`, 1))
	}
	blocked := says(400, jsonType, `{"error":{"message":"The response was filtered","type":null,"param":"prompt","code":"content_filter","status":400}}`)
	for name, script := range map[string]func(*visit){"in the reply": stopped, "of the prompt": blocked} {
		t.Run(name, func(t *testing.T) {
			first, second := newVendor(t, script), newVendor(t, ok)
			e := estateOf("a", []string{"chat"}, offer{Name: "one", URL: first.URL}, offer{Name: "two", URL: second.URL})
			r := start(t, e)
			if got := r.Post("/v1/chat/completions", chat()); len(second.Seen()) != 0 || !strings.Contains(got.Body, "filter") {
				t.Errorf("got %d %s; the second was asked %d times", got.Status, got.Body, len(second.Seen()))
			}
			e = estateOf("b", []string{"chat"}, offer{Name: "one", URL: first.URL}, offer{Name: "two", URL: second.URL})
			e.Workloads["w"].Service.FailoverOn = []string{"content_filter"}
			r.Gateway.Use(e, nil)
			if got := r.Post("/v1/chat/completions", chat()); got.Status != 200 || got.Header.Get("Bulkhead-Offering") != "two/m" {
				t.Errorf("got %d from %q: %s", got.Status, got.Header.Get("Bulkhead-Offering"), got.Body)
			}
		})
	}
}

// AWS's clients know an exception by a header, so that the vendor's goes with
// the vendor's words.
func TestRefusal_OfBedrockNamesItsException(t *testing.T) {
	v := newVendor(t, says(400, jsonType+"\r\nX-Amzn-Errortype: ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/", `{"message":"no"}`))
	e := estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL})
	e.Offerings[0].Endpoint.Dialect = "bedrock"
	r := start(t, e)
	got := r.Post("/model/chat/converse", `{"messages":[{"role":"user","content":[{"text":"hi"}]}]}`)
	if got.Status != 400 || !strings.HasPrefix(got.Header.Get("X-Amzn-Errortype"), "ValidationException") || got.Body != `{"message":"no"}` {
		t.Errorf("got %d %q %s", got.Status, got.Header.Get("X-Amzn-Errortype"), got.Body)
	}
}
