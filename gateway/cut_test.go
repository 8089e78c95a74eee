package gateway_test

import (
	"flag"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"bulkhead/call"
	"bulkhead/gateway"
)

var everyByte = flag.Bool("everybyte", false, "cut long recordings at every byte too, not only near their ends and here and there")

// cuts are the places at which a reply of n bytes is cut.
func cuts(n int) []int {
	var at []int
	for i := range n {
		if testing.Short() && i%7 != 0 && i < n-30 {
			continue
		}
		if *everyByte || n <= 800 || i < 250 || i > n-350 || i%19 == 0 {
			at = append(at, i)
		}
	}
	return at
}

// ends are the ways in which a reply can break off after some of its bytes.
// The first looks whole to HTTP.
var ends = []struct {
	name  string
	every int // only each so many-th place: a new connection is dear
	cut   func(x *visit, c *recording, n int)
}{
	{"ended in order", 1, func(x *visit, c *recording, n int) {
		x.Say(head(c.Status, c.HeaderLines(), "Transfer-Encoding: chunked"))
		x.Chunks(string(c.Reply[:n]))
		x.End()
	}},
	{"closed within a chunk", 29, func(x *visit, c *recording, n int) {
		x.Say(head(c.Status, c.HeaderLines(), "Transfer-Encoding: chunked"))
		x.Say(fmt.Sprintf("%x\r\n%s", len(c.Reply), c.Reply[:n]))
		x.Hang()
	}},
	{"closed before its length", 31, func(x *visit, c *recording, n int) {
		x.Say(head(c.Status, c.HeaderLines(), fmt.Sprintf("Content-Length: %d", len(c.Reply))) + string(c.Reply[:n]))
		x.Hang()
	}},
	{"closed, without a length", 37, func(x *visit, c *recording, n int) {
		x.Say(head(c.Status, c.HeaderLines(), "Connection: close") + string(c.Reply[:n]))
		x.Hang()
	}},
	{"reset", 41, func(x *visit, c *recording, n int) {
		x.Say(head(c.Status, c.HeaderLines(), "Transfer-Encoding: chunked"))
		x.Chunks(string(c.Reply[:n]))
		x.Reset()
	}},
}

// Wherever a reply breaks off, the caller never sees something complete.
func TestRecorded_CutAnywhereIsNeverPresentedAsComplete(t *testing.T) {
	for _, c := range recordings(t) {
		if _, _, is := c.refusal(); is || strings.Contains(c.Name, "error-400-bad-request") {
			continue // answered by status alone, whatever the body holds
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			var at, how atomic.Int64
			v := newVendor(t, func(x *visit) { ends[how.Load()].cut(x, c, int(at.Load())) })
			r := start(t, estateOf("a", []string{c.Model}, offer{Name: "one", URL: v.URL, Grants: c.Grants}))
			for i, end := range ends {
				how.Store(int64(i))
				for j, n := range cuts(len(c.Reply)) {
					if j%end.every != 0 && n < len(c.Reply)-20 {
						continue
					}
					at.Store(int64(n))
					got := r.Direct(t.Context(), gateway.Inbound{Action: c.Action}, string(c.Body))
					c.checkCut(t, end.name, n, got.Code, got.Header(), got.Body.String(), r.Record())
					if t.Failed() {
						return
					}
				}
				v.forget()
			}
		})
	}
}

// forget lets go of what was seen, which long tests would pile up.
func (v *vendor) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.seen = nil
}

func (c *recording) checkCut(t *testing.T, how string, n, status int, h http.Header, body string, rec call.Record) {
	t.Helper()
	fail := func(why string) {
		t.Helper()
		t.Errorf("cut at %d of %d bytes, %s: %s\nstatus %d, record %s %s, body %.400q", n, len(c.Reply), how, why, status, rec.Ending, rec.Kind, body)
	}
	switch {
	case n >= c.complete():
		if rec.Ending != call.Complete && c.Status == 200 && how != "reset" && how != "closed within a chunk" && how != "closed before its length" {
			fail("all had come that matters, so it is complete")
		}
	case c.Status != 200: // a vendor's refusal: its words whole, or a fault of ours
		ours := strings.Contains(body, `"code":"upstream_refused"`) // words of ours under the vendor's status
		if rec.Ending != call.Refused || status == c.Status && !ours && (how != "ended in order" && how != "closed, without a length" || body != string(c.Reply[:n])) {
			fail("a refusal that broke off is passed on")
		}
	case status != 200:
		if rec.Ending != call.Refused || h.Get("Bulkhead-Error") == "" || rec.Kind != "upstream_error" || strings.Contains(body, "[DONE]") {
			fail("not a refusal")
		}
	case !c.Stream:
		fail("part of a unary reply is presented as one")
	case strings.Contains(body, "[DONE]"):
		fail("the end marker is there")
	case rec.Ending != call.Cut || rec.Kind == "":
		fail("the record does not say so")
	case !strings.HasSuffix(body, "}\n\n") || !strings.Contains(body[strings.LastIndex(body, "data: "):], `"error":`):
		fail("no error event at the end")
	case !strings.HasPrefix(string(c.Relayed(c.Asked)), body[:strings.LastIndex(body, "data: ")]) && !strings.Contains(c.Name, "error-mid"):
		fail("what came before the cut is changed")
	}
}

// complete is the number of bytes of a reply after which nothing is missing:
// white space at the end of JSON, and line ends after a stream's end marker.
func (c *recording) complete() int {
	if c.Stream {
		if i := strings.Index(string(c.Reply), "data: [DONE]"); i >= 0 {
			return i + len("data: [DONE]")
		}
		return len(c.Reply) + 1
	}
	return len(strings.TrimRight(string(c.Reply), " \r\n\t"))
}
