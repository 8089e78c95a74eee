package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
)

// lane is how a call goes through Bulkhead: relayed in one dialect, or spelled
// anew between two.
type lane string

const (
	laneRelay           lane = ""                 // openai caller, openai offering
	laneAnthropicOpenAI lane = "anthropic-openai" // anthropic caller, openai offering
	laneOpenAIBedrock   lane = "openai-bedrock"   // openai caller, bedrock offering
)

const (
	messagesPath       = "/v1/messages"
	conversePath       = "/model/" + modelOffered + "/converse"
	converseStreamPath = "/model/" + modelOffered + "/converse-stream"
)

// path is the route that callers of the lane use.
func (l lane) path() string {
	if l == laneAnthropicOpenAI {
		return messagesPath
	}
	return chatPath
}

// body is the request body of the lane's callers, exactly size bytes.
func (l lane) body(size int, stream bool) []byte {
	if l == laneAnthropicOpenAI {
		return messagesBody(size, stream)
	}
	return chatBody(size, stream)
}

// words is what must stand in an answer of the lane, in this order: its text,
// token by token, and its end. What stands between is Bulkhead's own spelling.
// It is nil for the relay lane, of which every byte is known.
func (l lane) words(chunks int) [][]byte {
	if l == laneRelay {
		return nil
	}
	if chunks == 0 {
		return [][]byte{[]byte(answerText())}
	}
	var all [][]byte
	for i := range chunks {
		all = append(all, fmt.Appendf(nil, `" t%03d"`, i))
	}
	if l == laneAnthropicOpenAI {
		return append(all, []byte(`"end_turn"`), []byte("message_stop"))
	}
	return append(all, []byte(`"stop"`), []byte("data: [DONE]\n\n"))
}

// inOrder says which of words does not stand in got after those before it.
func inOrder(got []byte, words [][]byte) error {
	for i, word := range words {
		at := bytes.Index(got, word)
		if at < 0 {
			return fmt.Errorf("the answer lacks %q, %d of %d of what it must hold: %.400q", word, i+1, len(words), got)
		}
		got = got[at+len(word):]
	}
	return nil
}

// messagesBody is a request of the Messages API of exactly size bytes.
func messagesBody(size int, stream bool) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"model":%q,"max_tokens":128,`, modelAsked)
	if stream {
		b.WriteString(`"stream":true,`)
	}
	b.WriteString(`"temperature":0.2,"system":"You draft letters.","messages":[{"role":"user","content":"`)
	const tail = `"}]}`
	b.WriteString(prose(size - b.Len() - len(tail)))
	b.WriteString(tail)
	return b.Bytes()
}

// converseAnswer is the unary reply of Bedrock's Converse, with the words of
// chatAnswer.
func converseAnswer() []byte {
	return fmt.Appendf(nil, `{"metrics":{"latencyMs":812},"output":{"message":{"content":[{"text":"%s"}],"role":"assistant"}},`+
		`"stopReason":"end_turn","usage":{"inputTokens":58,"outputTokens":108,"totalTokens":166,`+
		`"cacheReadInputTokens":0,"cacheWriteInputTokens":0}}`, answerText())
}

// converseFrames is every frame of a streamed reply of ConverseStream, in order:
// the start, one token for each of chunks, the block's end, the reason, the
// usage. Deltas are padded as Bedrock pads them.
func converseFrames(chunks int) [][]byte {
	frames := [][]byte{eventFrame("messageStart", `{"p":"abcdefghijk","role":"assistant"}`)}
	const padding = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	for i := range chunks {
		frames = append(frames, eventFrame("contentBlockDelta",
			fmt.Sprintf(`{"contentBlockIndex":0,"delta":{"text":" t%03d"},"p":"%s"}`, i, padding[:i*7%len(padding)])))
	}
	return append(frames,
		eventFrame("contentBlockStop", `{"contentBlockIndex":0,"p":"abcdef"}`),
		eventFrame("messageStop", `{"p":"abcdefghi","stopReason":"end_turn"}`),
		eventFrame("metadata", fmt.Sprintf(`{"metrics":{"latencyMs":812},"p":"abc","usage":{"inputTokens":58,"outputTokens":%d,"totalTokens":%d}}`,
			chunks, chunks+58)))
}

// eventFrame is one message of the AWS event stream
// (https://smithy.io/2.0/aws/amazon-eventstream.html).
func eventFrame(event, payload string) []byte {
	var headers []byte
	for _, h := range [][2]string{{":event-type", event}, {":content-type", "application/json"}, {":message-type", "event"}} {
		headers = append(headers, byte(len(h[0])))
		headers = append(headers, h[0]...)
		headers = append(headers, 7) // a string
		headers = binary.BigEndian.AppendUint16(headers, uint16(len(h[1])))
		headers = append(headers, h[1]...)
	}
	const around = 16 // two lengths and two checksums
	b := binary.BigEndian.AppendUint32(nil, uint32(around+len(headers)+len(payload)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(headers)))
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	b = append(append(b, headers...), payload...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// answerText is the words of every unary answer.
func answerText() string {
	return strings.Repeat("The letter was received and filed under its case number. ", 9)
}
