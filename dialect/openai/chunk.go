package openai

import (
	"bulkhead/chat"
	"bulkhead/wire"
)

// piece is a string of a chunk, as it lies in the frame.
type piece struct {
	raw     []byte
	escaped bool
}

// chunk is one chunk of a stream. Its slices are used again for the next one,
// and all its texts lie in the frame.
type chunk struct {
	head    chat.Reply // what it says of the reply, while that is not known yet
	choices []deltaIn
	usage   chat.Usage
	counted bool // usage says something
	failed  bool // it is an error of the vendor's
}

// deltaIn is what a chunk adds to a choice.
type deltaIn struct {
	index                           int
	content, refusal, reasoning     piece
	finish                          piece
	calls                           []callIn
	said, declined                  []chat.Logprob
	cites                           []chat.Citation
	sound                           bool
	soundID, soundData, soundSpeech piece
	filter                          []byte     // Azure's judgement of the content, if it says anything
	fields                          chat.Extra // of the choice's own
}

// callIn is what a chunk adds to a call.
type callIn struct {
	index    int // -1: not said
	id, name piece
	input    piece
	custom   bool
	state    *chat.State
	extra    chat.Extra
}

// piece reads the string next; anything else is passed over and empty.
func (d *streamDecoder) piece() piece {
	if d.s.Next() != wire.String {
		d.s.Skip()
		return piece{}
	}
	span, escaped, _ := d.s.Text()
	return piece{d.s.Slice(span), escaped}
}

// read reads a chunk. It says false for what is no JSON object.
func (d *streamDecoder) read(data []byte) bool {
	s, c := &d.s, &d.chunk
	s.Reset(data)
	s.Lenient = true
	c.choices, c.counted, c.failed = c.choices[:0], false, false
	if s.Next() != wire.Object || !s.Object() {
		return false
	}
	for name := s.Name(); name != nil; name = s.Name() {
		kind := s.Next()
		switch {
		case kind == wire.Array && string(name) == "choices":
			s.Array()
			for s.Element() {
				d.readChoice()
			}
		case kind == wire.Object && string(name) == "usage":
			c.counted = readUsage(s, &c.usage)
		case kind == wire.Null:
			s.Skip()
		case string(name) == "error":
			c.failed = true
			s.Skip()
		case d.begun || string(name) == "obfuscation":
			s.Skip()
		case string(name) == "created" && kind == wire.Number:
			if at := created(s); at != 0 {
				c.head.Created = at
			}
		case kind == wire.String && d.headWord(string(name)):
		default:
			head(s, string(name), kind, &c.head)
		}
	}
	return s.End() == nil
}

// headWord reads a word of the head; one that is empty, as in the chunk with
// which Azure begins, says nothing.
func (d *streamDecoder) headWord(name string) bool {
	h := &d.chunk.head
	var to *string
	switch name {
	case "id":
		to = &h.ID
	case "model":
		to = &h.Model
	case "service_tier":
		to = &h.Tier
	case "system_fingerprint":
		to = &h.Fingerprint
	default:
		return false
	}
	if word := textOf(&d.s); word != "" {
		*to = word
	}
	return true
}

func (d *streamDecoder) readChoice() {
	s, c := &d.s, &d.chunk
	if s.Next() != wire.Object {
		s.Skip()
		return
	}
	n := len(c.choices)
	if n < cap(c.choices) {
		c.choices = c.choices[:n+1]
	} else {
		c.choices = append(c.choices, deltaIn{})
	}
	in := &c.choices[n]
	*in = deltaIn{index: n, calls: in.calls[:0], said: in.said[:0], declined: in.declined[:0]}
	s.Object()
	for name := s.Name(); name != nil; name = s.Name() {
		kind := s.Next()
		switch {
		case kind == wire.Null:
			s.Skip()
		case kind == wire.Number && string(name) == "index":
			if at, ok := tokens(s); ok && at < 1<<16 {
				in.index = int(at)
			}
		case kind == wire.Object && (string(name) == "delta" || string(name) == "message"):
			d.readDelta(in)
		case string(name) == "finish_reason":
			in.finish = d.piece()
		case string(name) == "logprobs":
			in.said, in.declined = readLogprobs(s, in.said, in.declined)
		case string(name) == "content_filter_results" && kind == wire.Object:
			// Azure says it in every chunk; what is said last counts.
			if raw := s.Slice(s.Skip()); len(raw) > 2 && chat.Raw(raw).IsValid() {
				in.filter = raw
			}
		default:
			keep(s, &in.fields, choiceTaken, "", string(name))
		}
	}
}

func (d *streamDecoder) readDelta(in *deltaIn) {
	s := &d.s
	s.Object()
	for name := s.Name(); name != nil; name = s.Name() {
		kind := s.Next()
		switch string(name) {
		case "content":
			in.content = d.piece()
			continue
		case "reasoning_content":
			in.reasoning = d.piece()
			continue
		case "refusal":
			in.refusal = d.piece()
			continue
		case "reasoning":
			if len(in.reasoning.raw) == 0 {
				in.reasoning = d.piece()
				continue
			}
		case "tool_calls":
			if kind == wire.Array {
				s.Array()
				for s.Element() {
					d.readCall(in)
				}
				continue
			}
		case "function_call":
			if kind == wire.Object {
				call := callIn{index: 0}
				d.readCalled(&call, "arguments")
				in.calls = append(in.calls, call)
				continue
			}
		case "annotations":
			if kind == wire.Array {
				in.cites = annotations(s, in.cites)
				continue
			}
		case "audio":
			if kind == wire.Object {
				d.readSound(in)
				continue
			}
		case "role":
		default:
			if kind != wire.Null {
				keep(s, &in.fields, messageTaken, "message.", string(name))
				continue
			}
		}
		s.Skip()
	}
}

func (d *streamDecoder) readCall(in *deltaIn) {
	s := &d.s
	if s.Next() != wire.Object {
		s.Skip()
		return
	}
	c := callIn{index: -1}
	s.Object()
	for name := s.Name(); name != nil; name = s.Name() {
		kind := s.Next()
		switch {
		case kind == wire.Null:
			s.Skip()
		case string(name) == "index" && kind == wire.Number:
			if at, ok := tokens(s); ok && at < 1<<16 {
				c.index = int(at)
			}
		case string(name) == "id":
			c.id = d.piece()
		case string(name) == "function" && kind == wire.Object:
			d.readCalled(&c, "arguments")
		case string(name) == "custom" && kind == wire.Object:
			c.custom = true
			d.readCalled(&c, "input")
		case string(name) == "type":
			s.Skip()
		case string(name) == "extra_content":
			if c.state = signed(s, &c.extra); c.state != nil {
				c.state.Minter = d.family
			}
		default:
			s.Skip()
		}
	}
	in.calls = append(in.calls, c)
}

func (d *streamDecoder) readCalled(c *callIn, input string) {
	s := &d.s
	s.Object()
	for name := s.Name(); name != nil; name = s.Name() {
		switch {
		case string(name) == "name":
			c.name = d.piece()
		case string(name) == input && s.Next() == wire.Object:
			c.input = piece{raw: s.Slice(s.Skip())}
		case string(name) == input:
			c.input = d.piece()
		default:
			s.Skip()
		}
	}
}

func (d *streamDecoder) readSound(in *deltaIn) {
	s := &d.s
	in.sound = true
	s.Object()
	for name := s.Name(); name != nil; name = s.Name() {
		switch string(name) {
		case "id":
			in.soundID = d.piece()
		case "data":
			in.soundData = d.piece()
		case "transcript":
			in.soundSpeech = d.piece()
		default:
			s.Skip() // expires_at: nothing is kept
		}
	}
}
