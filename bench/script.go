package main

import (
	"bytes"
	"fmt"
	"strings"
)

// The script: every byte that callers send and the upstream answers. Both
// sides are built from these functions, so the load generator can compare what
// it got with what was sent, byte for byte.

const (
	chatPath = "/v1/chat/completions"

	smallBodyBytes = 300
	largeBodyBytes = 100 << 10

	// modelAsked is what a caller asks for; the estate written for Bulkhead
	// maps it to modelOffered.
	modelAsked   = "chat"
	modelOffered = "script-1"
)

// chatAnswer is the fixed unary reply, about 1 KB.
func chatAnswer() []byte {
	return fmt.Appendf(nil, `{"id":"chatcmpl-bench0000000000000000000001","object":"chat.completion","created":1767225600,`+
		`"model":"script-1-2026-01-01","choices":[{"index":0,"message":{"role":"assistant","content":"%s",`+
		`"refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],`+
		`"usage":{"prompt_tokens":58,"completion_tokens":108,"total_tokens":166,`+
		`"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},`+
		`"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,`+
		`"rejected_prediction_tokens":0}},"service_tier":"default","system_fingerprint":"fp_bench"}`, answerText())
}

// chatEvents is the data of every event of the scripted stream, in order: the
// role, one token for each of chunks, the finish, the usage, and [DONE].
func chatEvents(chunks int) [][]byte {
	const head = `{"id":"chatcmpl-bench0000000000000000000002","object":"chat.completion.chunk","created":1767225600,` +
		`"model":"script-1-2026-01-01","service_tier":"default","system_fingerprint":"fp_bench",`
	delta := func(delta, finish string) []byte {
		return []byte(head + `"choices":[{"index":0,"delta":` + delta + `,"logprobs":null,"finish_reason":` + finish + `}],"usage":null}`)
	}
	events := make([][]byte, 0, chunks+4)
	events = append(events, delta(`{"role":"assistant","content":"","refusal":null}`, "null"))
	for i := range chunks {
		events = append(events, delta(fmt.Sprintf(`{"content":" t%03d"}`, i), "null"))
	}
	events = append(events, delta(`{}`, `"stop"`))
	events = append(events, fmt.Appendf(nil, `%s"choices":[],"usage":{"prompt_tokens":58,"completion_tokens":%d,"total_tokens":%d}}`,
		head, chunks, chunks+58))
	return append(events, []byte("[DONE]"))
}

// chatBody is a request body of exactly size bytes. What decides the shape of
// the reply stands in front, so that the upstream need look at no more than
// the first bytes of a large body.
func chatBody(size int, stream bool) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"model":%q,`, modelAsked)
	if stream {
		b.WriteString(`"stream":true,"stream_options":{"include_usage":true},`)
	}
	b.WriteString(`"max_completion_tokens":128,"temperature":0.2,"messages":[{"role":"system","content":"You draft letters."}`)
	const tail = `"}]}`
	for b.Len() < size {
		turn := "user"
		if b.Len()/1024%2 == 1 {
			turn = "assistant"
		}
		fmt.Fprintf(&b, `,{"role":%q,"content":"`, turn)
		room := size - b.Len() - len(tail)
		if room > 2048 {
			b.WriteString(prose(1500))
			b.WriteString(`"}`)
			continue
		}
		b.WriteString(prose(max(room, 0)))
		b.WriteString(tail)
	}
	return b.Bytes()
}

// prose is n bytes of the contents of a JSON string as chats have them: words,
// escaped quotes and line breaks, and now and then a letter outside ASCII.
func prose(n int) string {
	const sentence = `Please tell the applicant that form \"B-17\" of the household file is due.\nThank you, Zoë. `
	var b strings.Builder
	for b.Len()+len(sentence) <= n {
		b.WriteString(sentence)
	}
	b.WriteString(strings.Repeat(".", n-b.Len()))
	return b.String()
}
