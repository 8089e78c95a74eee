package gateway_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestWithdrawal_OfAWholeCloudUnderLoad takes a whole cloud away while callers
// of every dialect are served by it and another may serve: delivered whole no
// call fails, delivered live only those cut after their first content, which
// are told so.
func TestWithdrawal_OfAWholeCloudUnderLoad(t *testing.T) {
	for _, cut := range []bool{false, true} {
		t.Run(fmt.Sprintf("cut %v", cut), func(t *testing.T) {
			t.Parallel()
			west, east, other := newVendor(t, unhurried), newVendor(t, unhurried), newVendor(t, unhurried)
			e := clouds(offer{Name: "west", URL: west.URL}, offer{Name: "east", URL: east.URL}, offer{Name: "other", URL: other.URL})
			e.Endpoints[0].Cloud, e.Endpoints[1].Cloud = "aws", "aws"
			r := start(t, e)
			r.Client.Transport.(*http.Transport).MaxConnsPerHost = 32
			holds := r.Post(speakers["openai"].path, speakers["openai"].ask, "Bulkhead-Delivery", "neither").Status == 400 // this build knows of delivery
			var wg sync.WaitGroup
			var over atomic.Bool
			var told, whole atomic.Int64
			for i := range 20 {
				wg.Go(func() {
					for n := i; !over.Load(); n++ {
						if r.withdrawn(t, n, cut, holds) {
							told.Add(1)
						} else {
							whole.Add(1)
						}
					}
				})
			}
			asked := func() int { return len(west.Seen()) + len(east.Seen()) }
			for range 3 {
				time.Sleep(200 * time.Millisecond)
				suspension := of("cloud=aws")
				if cut {
					cutting(&suspension[0])
				}
				r.Gateway.Suspend(suspension, -1)
				time.Sleep(150 * time.Millisecond) // the drained ones have ended
				before := asked()
				time.Sleep(150 * time.Millisecond)
				if after := asked(); after != before || before == 0 {
					t.Errorf("the cloud was asked %d times, then %d times more", before, after-before)
				}
				r.Gateway.Suspend(nil, -1)
				time.Sleep(100 * time.Millisecond)
				if asked() == before {
					t.Error("the calls did not come back")
				}
			}
			over.Store(true)
			wg.Wait()
			t.Logf("%d calls were whole, %d cut and told so", whole.Load(), told.Load())
			if len(other.Seen()) == 0 || whole.Load() < 100 || cut && told.Load() == 0 {
				t.Error("too little happened")
			}
		})
	}
}

// unhurried answers in OpenAI's dialect, a stream in pieces.
func unhurried(x *visit) {
	time.Sleep(2 * time.Millisecond)
	if !bytes.Contains(x.Body, []byte(`"stream":true`)) {
		x.Reply(200, jsonType, speakers["openai"].reply)
		return
	}
	x.Stream(streamType)
	for event := range strings.SplitAfterSeq(speakers["openai"].stream, "\n\n") {
		time.Sleep(2 * time.Millisecond)
		if event != "" && !x.Chunks(event) {
			x.Hang()
			return
		}
	}
	x.End()
}

// withdrawn makes the n-th call: each dialect in turn, unary and streamed, live
// and delivered whole. It reports whether the call was cut, and told so.
func (r *rig) withdrawn(t *testing.T, n int, cut, holds bool) bool {
	dialects := []string{"openai", "responses", "anthropic", "gemini", "bedrock"}
	caller := speakers[dialects[n%5]]
	stream, held := n/5%2 == 0, holds && n/10%2 == 0
	path, ask, delivery := caller.path, caller.ask, "live"
	if stream {
		path, ask = caller.streamPath, caller.askStream
	}
	if held {
		delivery = "atomic"
	}
	got := r.Post(path, ask, "Bulkhead-Delivery", delivery)
	broken := strings.Contains(got.Body, "sus-aws") // the error within a stream names the suspension
	switch {
	case got.Status == 200 && got.Err == nil && !stream && strings.Contains(got.Body, caller.says):
		return false
	case got.Status == 200 && got.Err == nil && stream && strings.Contains(got.Body, caller.saysInStream) && strings.Contains(got.Body, caller.end) && !broken:
		return false
	case cut && stream && !held && got.Status == 200 && strings.Contains(got.Body, "two") && broken && !strings.Contains(got.Body, caller.end):
		return true
	}
	t.Errorf("a call failed, stream %v, %s: %d %v %q", stream, delivery, got.Status, got.Err, got.Body)
	return false
}
