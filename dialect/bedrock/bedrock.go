// Package bedrock is the dialect of Amazon Bedrock's runtime: Converse,
// ConverseStream and CountTokens, and the routes of InvokeModel, whose bodies
// are another dialect's or a model family's own.
//
// A request is scanned for the gates ([Reader], [InvokeReader]); in the relay
// lane its bytes go on as they came, since Bedrock names the model in the path.
// [Server] and [Client] are its two sides of the hub. [Invoke] puts the frames
// of InvokeModel around a dialect that it is given; it knows no other dialect.
//
// Fields are those of the service's description of 2023-09-30 as botocore had
// it in 2026-08 (testdata/schema); framing is Smithy's event stream
// (https://smithy.io/2.0/aws/amazon-eventstream.html). docs/dialects/bedrock.md
// has routes, capabilities and losses. Begin with [Reader], [Server], [Client].
package bedrock

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// name is the dialect's own, as it stands in what only it knows.
const name = string(dialects.Bedrock)

// Path is the path under an endpoint's URL of an operation on a model:
// converse, converse-stream, count-tokens, invoke, invoke-with-response-stream.
// The id is escaped as AWS's own clients do, an ARN's colons and slashes too:
// a signature is over the path as it is sent.
func Path(model, operation string) string {
	const hex = "0123456789ABCDEF"
	b := append(make([]byte, 0, len(model)+len(operation)+24), "/model/"...)
	for i := 0; i < len(model); i++ {
		if c := model[i]; 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b = append(b, c)
		} else {
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(append(append(b, '/'), operation...))
}

// maker is who made a model, by Bedrock's ids: anthropic.claude-…,
// us.amazon.nova-…, or an ARN that ends so. Empty: the id does not say.
func maker(model string) string {
	if i := strings.LastIndexByte(model, '/'); i >= 0 {
		model = model[i+1:]
	}
	words := strings.Split(model, ".")
	if len(words) > 2 && len(words[0]) <= 6 { // the region or group of a profile
		words = words[1:]
	}
	if len(words) < 2 {
		return ""
	}
	return words[0]
}

// step is one step into a body: a member, or an element by its index.
type step struct {
	name  string
	index int
}

// place is where in a body a scan is, so that a fault can name the field.
type place struct {
	steps []step
	fault *fault.Fault
}

func (p *place) into(name string) { p.steps = append(p.steps, step{name: name}) }
func (p *place) element(i int)    { p.steps = append(p.steps, step{index: i}) }
func (p *place) out()             { p.steps = p.steps[:len(p.steps)-1] }
func (p *place) under(n string) string {
	if at := p.path(); at != "" {
		return at + "." + n
	}
	return n
}

// path is the place in the caller's words: messages[0].content[1].image.
func (p *place) path() string {
	var b []byte
	for _, s := range p.steps {
		switch {
		case s.name == "":
			b = append(strconv.AppendInt(append(b, '['), int64(s.index), 10), ']')
		case len(b) > 0:
			b = append(append(b, '.'), s.name...)
		default:
			b = append(b, s.name...)
		}
	}
	return string(b)
}

// refuse keeps the first fault.
func (p *place) refuse(kind fault.Kind, field, format string, args ...any) {
	if p.fault == nil {
		p.fault = fault.New(kind, format, args...).At(field)
	}
}

// misfit refuses a value of the wrong kind.
func (p *place) misfit(kind wire.Kind, want string) {
	if p.fault == nil {
		field := p.path()
		p.refuse(fault.Malformed, field, "%s is %s; it must be %s.", field, kind, want)
	}
}

// clip bounds what of the caller's own words is repeated to it.
func clip(s string) string {
	if len(s) <= 64 {
		return s
	}
	end := 64
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// quote appends a JSON string; what is not UTF-8 in it is replaced.
func quote[T ~string | ~[]byte](dst []byte, s T) []byte {
	out, err := jsontext.AppendQuote(dst, s)
	if err != nil {
		out, _ = jsontext.AppendQuote(dst, strings.ToValidUTF8(string(s), "\uFFFD"))
	}
	return out
}

// unquote gives what a string with its quotes stands for.
func unquote(raw []byte) string {
	raw = raw[1 : len(raw)-1]
	for _, c := range raw {
		if c == '\\' {
			return string(wire.Unescape(nil, raw))
		}
	}
	return string(raw)
}
