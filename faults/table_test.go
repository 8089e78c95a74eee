package faults_test

import (
	"time"

	"bulkhead/catalog"
	"bulkhead/sim"
)

// ending is what a call comes to for its caller.
type ending string

const (
	whole    ending = "the whole answer"
	filtered ending = "the vendor's filtered answer, as such"
	refused  ending = "an error"
	cut      ending = "an error within the stream"
)

// verdict is what must come of a call.
type verdict struct {
	ending ending
	by     string   // who answers: first, second, third; several, with spaces: any of them
	codes  []string // of the error, any of them; none: the vendor's own words
}

// row is one thing that goes wrong at the first offering, or on the way to it.
type row struct {
	name   string
	says   string // for the page: what the first offering does
	fault  func(dialect string, stream bool) sim.Fault
	times  int           // how many calls it does so; 0: all
	reach  string        // how the way to it fails: certificate, dns, closed, mute
	only   string        // unary or stream
	total  time.Duration // limit of the whole call; 0: far away
	larger bool          // the second has a larger context
	second *sim.Fault    // what the second offering does; nil: it answers
	third  bool          // there is a third, which answers

	alone, other verdict // what comes of it without another offering, and with one
	late         bool    // in a live stream the caller has had content by then
	inBand       []string
	asked        [2]int        // how often the first is asked, at least and at most
	gap          time.Duration // between two of its attempts at least
}

func always(f sim.Fault) func(string, bool) sim.Fault {
	return func(string, bool) sim.Fault { return f }
}

// either is one fault for unary calls and another for streams.
func either(unary, stream sim.Fault) func(string, bool) sim.Fault {
	return func(_ string, streams bool) sim.Fault {
		if streams {
			return stream
		}
		return unary
	}
}

// limited is a limit as the vendor says it: Google says the wait in the body.
func limited(seconds string) func(string, bool) sim.Fault {
	return func(dialect string, _ bool) sim.Fault {
		f := sim.Fault{Status: 429}
		switch {
		case dialect == "gemini" && seconds == "":
			f.Body = `{"error":{"code":429,"message":"Resource has been exhausted.","status":"RESOURCE_EXHAUSTED"}}`
		case dialect == "gemini":
			f.Body = `{"error":{"code":429,"message":"Resource has been exhausted.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"` + seconds + `s"}]}}`
		case seconds != "":
			f.Headers = map[string]string{"Retry-After": seconds}
		}
		return f
	}
}

// stopped is a filter that stops the prompt: some vendors refuse, some answer.
func stopped(dialect string, _ bool) sim.Fault {
	if dialect == "openai" || dialect == "responses" {
		return sim.Fault{Status: 400, Body: `{"error":{"message":"The response was filtered due to the prompt triggering the content management policy.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}`}
	}
	return sim.Fault{Filter: "prompt"}
}

const (
	limit  = time.Second      // header, first content and gap at the first offering
	soon   = 15 * time.Second // within which every call has come to an end; the machine may be busy
	never  = sim.Duration(time.Hour)
	aWhile = sim.Duration(100 * time.Millisecond)
)

var quick = catalog.Limits{Connect: time.Second, Header: limit, FirstContent: limit, Gap: limit}

var (
	failed      = []string{"upstream_error"}
	down        = []string{"upstream_unavailable"}
	silent      = []string{"upstream_timeout"}
	rateLimited = []string{"upstream_rate_limited"}
)

func refusal(codes []string) verdict { return verdict{ending: refused, codes: codes} }

var (
	bySecond = verdict{ending: whole, by: "second"}
	byFirst  = verdict{ending: whole, by: "first"}
	once     = [2]int{1, 1}
	twice    = [2]int{2, 2}
)

// rows are the table.
func rows() []row {
	return []row{
		{name: "429", says: "429, and does not say for how long", fault: limited(""), alone: refusal(rateLimited), other: bySecond, asked: once},
		{name: "429 once with retry-after", says: "429 once, with a wait of 1 s", fault: limited("1"), times: 1, alone: byFirst, other: bySecond, asked: [2]int{1, 2}, gap: time.Second},
		{name: "429 for ever with retry-after", says: "429 for ever, with a wait of 1 s", fault: limited("1"), alone: refusal(rateLimited), other: bySecond, asked: [2]int{1, 2}, gap: time.Second},
		{name: "429 with a long retry-after", says: "429, with a wait of an hour", fault: limited("3600"), alone: refusal(rateLimited), other: bySecond, asked: once},
		{name: "500 once", says: "500 once", fault: always(sim.Fault{Status: 500}), times: 1, alone: byFirst, other: byFirst, asked: twice},
		{name: "500 for ever", says: "500 for ever", fault: always(sim.Fault{Status: 500}), alone: refusal(failed), other: bySecond, asked: twice},
		{name: "503 for ever", says: "503 for ever", fault: always(sim.Fault{Status: 503}), alone: refusal(down), other: bySecond, asked: once},
		{name: "529", says: "529, overloaded", fault: always(sim.Fault{Status: 529}), alone: refusal([]string{"upstream_unavailable", "upstream_error"}), other: bySecond, asked: once},
		{name: "reset once", says: "resets the connection once, before its header", fault: always(sim.Fault{ResetBeforeHeader: true}), times: 1, alone: byFirst, other: byFirst, asked: twice},
		{name: "reset for ever", says: "resets every connection before its header", fault: always(sim.Fault{ResetBeforeHeader: true}), alone: refusal(failed), other: bySecond, asked: twice},
		{name: "no answer", says: "takes the call and says nothing", fault: always(sim.Fault{DelayHeader: never}), alone: refusal(silent), other: bySecond, asked: once},
		{name: "slow first byte", says: "is slow, within the limits", fault: always(sim.Fault{DelayHeader: aWhile, DelayFirstChunk: aWhile}), alone: byFirst, other: byFirst, asked: once},
		{name: "no first byte", says: "sends its header and nothing more", fault: always(sim.Fault{DelayFirstChunk: never}), alone: refusal(silent), other: bySecond, asked: once},
		{name: "cut", says: "closes the connection in the midst of its answer", fault: either(sim.Fault{CutAfterBytes: new(100)}, sim.Fault{CutAfterChunks: new(6)}), alone: refusal(failed), other: bySecond, asked: [2]int{1, 2}, late: true, inBand: failed},
		{name: "reset in the midst", says: "resets it there", fault: either(sim.Fault{ResetAfterBytes: new(100)}, sim.Fault{ResetAfterChunks: new(6)}), alone: refusal(failed), other: bySecond, asked: [2]int{1, 2}, late: true, inBand: failed},
		{name: "early end", says: "ends its stream early, in good order", fault: always(sim.Fault{EndAfterChunks: new(6)}), only: "stream", alone: refusal(failed), other: bySecond, asked: once, late: true, inBand: failed},
		{name: "stall", says: "falls silent in the midst of its answer", fault: either(sim.Fault{StallAfterChunks: new(0)}, sim.Fault{StallAfterChunks: new(6)}), alone: refusal(silent), other: bySecond, asked: once, late: true, inBand: silent},
		{name: "malformed chunk", says: "sends broken JSON in the midst of its answer", fault: either(sim.Fault{MalformedChunk: 1}, sim.Fault{MalformedChunk: 6}), alone: refusal(failed), other: bySecond, asked: once, late: true, inBand: failed},
		{name: "malformed first chunk", says: "begins its stream with broken JSON", fault: always(sim.Fault{MalformedChunk: 1}), only: "stream", alone: refusal(failed), other: bySecond, asked: once},
		{name: "damaged chunk", says: "sends what was damaged on its way: a checksum that is wrong, bytes that are no text", fault: either(sim.Fault{CorruptChunk: 1}, sim.Fault{CorruptChunk: 6}), alone: refusal(failed), other: bySecond, asked: once, late: true, inBand: failed},
		{name: "no end marker", says: "sends all but what says that this is all", fault: always(sim.Fault{NoEndMarker: true}), only: "stream", alone: refusal(failed), other: bySecond, asked: once, late: true, inBand: failed},
		{name: "context length", says: "refuses the prompt as too long; the other can hold more", fault: always(sim.Fault{ContextLength: true}), larger: true, alone: refusal(nil), other: bySecond, asked: once},
		{name: "context length everywhere", says: "refuses the prompt as too long; the other cannot hold more", fault: always(sim.Fault{ContextLength: true}), alone: refusal(nil), other: refusal(nil), asked: once},
		{name: "content filter", says: "its content filter stops the answer", fault: always(sim.Fault{Filter: "answer"}), alone: verdict{ending: filtered, by: "first"}, other: verdict{ending: filtered, by: "first"}, asked: once},
		{name: "prompt filter", says: "its content filter stops the prompt: a refusal or an answer, as the vendor has it", fault: stopped, alone: verdict{ending: filtered, by: "first"}, other: verdict{ending: filtered, by: "first"}, asked: once},
		{name: "wrong content type", says: "answers 200 with a page", fault: always(sim.Fault{Status: 200, Body: "<html>log in</html>", Headers: map[string]string{"Content-Type": "text/html"}}), alone: refusal(failed), other: bySecond, asked: once},
		{name: "error inside a 200", says: "answers 200 with its error, 503, inside", fault: always(sim.Fault{ErrorAfterChunks: new(0), ErrorStatus: 503}), alone: refusal([]string{"upstream_error", "upstream_unavailable"}), other: bySecond, asked: once},
		{name: "error in the midst", says: "sends its error in the midst of a stream", fault: always(sim.Fault{ErrorAfterChunks: new(6), ErrorStatus: 503}), only: "stream", alone: refusal([]string{"upstream_error", "upstream_unavailable"}), other: bySecond, asked: once, late: true},
		{name: "infinite", says: "answers without end", fault: always(sim.Fault{Endless: true, Pace: sim.Duration(5 * time.Millisecond)}), total: 2 * time.Second, alone: refusal(silent), other: refusal(silent), asked: once, late: true, inBand: silent},
		{name: "drip in time", says: "sends a few bytes at a time, in time", fault: always(sim.Fault{Drip: 300, Pace: sim.Duration(2 * time.Millisecond)}), alone: byFirst, other: byFirst, asked: once},
		{name: "drip", says: "sends a byte at a time, for longer than anyone waits", fault: always(sim.Fault{Drip: 1, Pace: sim.Duration(50 * time.Millisecond)}), total: 4 * time.Second, alone: refusal(silent), other: bySecond, asked: once},
		{name: "certificate", says: "has a certificate that nobody vouches for", reach: "certificate", alone: refusal(down), other: bySecond},
		{name: "dns", says: "has a name that does not resolve", reach: "dns", alone: refusal(down), other: bySecond},
		{name: "closed port", says: "has nobody listen at its port", reach: "closed", alone: refusal(down), other: bySecond},
		{name: "mute handshake", says: "takes the connection and does not shake hands", reach: "mute", alone: refusal([]string{"upstream_unavailable", "upstream_timeout"}), other: bySecond},
		{name: "the other refuses", says: "503; the other refuses the call with 400", fault: always(sim.Fault{Status: 503}), second: &sim.Fault{Status: 400}, alone: refusal(down), other: refusal([]string{"", "upstream_refused", "upstream_unavailable"}), asked: once},
		{name: "the other refuses, a third answers", says: "cut in the midst; the second refuses the call with 400, a third would take it", fault: either(sim.Fault{CutAfterBytes: new(100)}, sim.Fault{CutAfterChunks: new(6)}), second: &sim.Fault{Status: 400}, third: true,
			alone: refusal(failed), other: verdict{ending: whole, by: "third"}, asked: [2]int{1, 2}, late: true, inBand: failed},
	}
}
