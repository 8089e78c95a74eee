package bedrock

import (
	"strings"

	"bulkhead/call"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// kinds is a set of JSON kinds that a member may have; null is none of any.
type kinds uint8

const (
	object kinds = 1 << iota
	array
	text
	number
	integer
	boolean
	document = object | array | text | number | boolean // any JSON
)

func (ks kinds) has(k wire.Kind, b []byte) bool {
	switch k {
	case wire.Object:
		return ks&object != 0
	case wire.Array:
		return ks&array != 0
	case wire.String:
		return ks&text != 0
	case wire.Number:
		return ks&number != 0 || ks&integer != 0 && !strings.ContainsAny(string(b[:min(len(b), 32)]), ".eE")
	case wire.True, wire.False:
		return ks&boolean != 0
	}
	return k == wire.Null
}

// String lists the set as a person would.
func (ks kinds) String() string {
	var words []string
	for i, w := range []string{"an object", "an array", "a string", "a number", "an integer", "a boolean"} {
		if ks&(1<<i) != 0 {
			words = append(words, w)
		}
	}
	return strings.Join(words, " or ")
}

// hearing says as what the strings of a value are heard.
type hearing uint8

const (
	prose  hearing = iota // text, which may hold a mark
	word                  // names, ids, words of an enumeration
	schema                // words, but for what describes
)

// member is one member of a shape.
type member struct {
	name   string
	kinds  kinds
	of     *shape // of the object, or of each element of the array
	hear   hearing
	medium dialects.Medium // the value cannot be read as text
	need   call.Capability // what a request uses that has it
	read   func(r *reader, kind wire.Kind)
	note   func(a *dialects.Asked) // of what a request holds that has it
}

// shape is an object of the service's description.
type shape struct {
	what    string // how a refusal calls it, if it is a union: of its members there is exactly one
	members []member
}

func (s *shape) find(name []byte) *member {
	for i := range s.members {
		if s.members[i].name == string(name) {
			return &s.members[i]
		}
	}
	return nil
}

func of(members ...member) *shape               { return &shape{members: members} }
func one(what string, members ...member) *shape { return &shape{what, members} }

func says(name string) member  { return member{name: name, kinds: text} }
func words(name string) member { return member{name: name, kinds: text, hear: word} }
func list(name string, s *shape) member {
	return member{name: name, kinds: array, of: s}
}
func in(name string, s *shape) member { return member{name: name, kinds: object, of: s} }

// shapes are those of the three requests that are walked.
type shapes struct{ converse, count, nova *shape }

// described are the shapes of the service's description, in its order of
// members, with what the gates need to know of each.
var described = describe()

func describe() shapes {
	cache := of(words("type"), words("ttl"))
	said := one("a piece of text", says("text"))
	s3 := func(m dialects.Medium) member {
		return member{name: "s3Location", kinds: object, of: of(says("uri"), words("bucketOwner")), medium: m, need: call.RemoteURL}
	}
	bytes := func(m dialects.Medium) member { return member{name: "bytes", kinds: text, medium: m} }
	media := func(m dialects.Medium) *shape {
		return of(words("format"), in("source", one("a source", bytes(m), s3(m))), in("error", of(says("message"))))
	}
	cites := in("citations", of(member{name: "enabled", kinds: boolean}))
	file := of(words("format"), says("name"),
		in("source", one("a source", bytes(dialects.Document), s3(dialects.Document), says("text"), list("content", said))),
		says("context"), cites)
	search := of(says("source"), says("title"), list("content", of(says("text"))), cites)
	guard := one("guarded content",
		in("text", of(says("text"), member{name: "qualifiers", kinds: array, hear: word})),
		in("image", of(words("format"), in("source", one("a source", bytes(dialects.Image))))))
	whole := func(name string) member { return member{name: name, kinds: integer} }
	location := one("a location",
		in("web", of(says("url"), says("domain"))),
		in("documentChar", of(whole("documentIndex"), whole("start"), whole("end"))),
		in("documentPage", of(whole("documentIndex"), whole("start"), whole("end"))),
		in("documentChunk", of(whole("documentIndex"), whole("start"), whole("end"))),
		in("searchResultLocation", of(whole("searchResultIndex"), whole("start"), whole("end"))))
	reference := of(in("tool", of(words("type"), words("name"), member{name: "serverName", kinds: text, hear: word, need: call.HostedMCP})))
	block := one("a content block",
		says("text"), in("image", media(dialects.Image)), in("document", file), in("video", media(dialects.Video)), in("audio", media(dialects.Audio)),
		member{name: "toolUse", kinds: object, of: of(words("toolUseId"), words("name"), member{name: "input", kinds: document}, words("type")),
			note: func(a *dialects.Asked) { a.Calls = true }},
		in("toolResult", of(words("toolUseId"),
			list("content", one("a piece of a tool's result", member{name: "json", kinds: document}, says("text"),
				in("image", media(dialects.Image)), in("document", file), in("video", media(dialects.Video)), in("searchResult", search))),
			words("status"), words("type"))),
		in("guardContent", guard), in("cachePoint", cache),
		member{name: "reasoningContent", kinds: object, of: one("reasoning", in("reasoningText", of(says("text"), words("signature"))), words("redactedContent")),
			note: func(a *dialects.Asked) { a.State = true }},
		in("citationsContent", of(list("content", said), list("citations",
			of(says("title"), says("source"), list("sourceContent", said), in("location", location))))),
		in("searchResult", search), in("toolAddition", reference), in("toolRemoval", reference))

	tools := in("toolConfig", of(
		list("tools", one("a tool",
			in("toolSpec", of(words("name"), says("description"),
				in("inputSchema", one("a schema", member{name: "json", kinds: document, hear: schema})), member{name: "strict", kinds: boolean})),
			in("systemTool", of(member{name: "name", kinds: text, read: (*reader).systemTool})), in("cachePoint", cache))),
		in("toolChoice", one("a choice of tools", in("auto", of()), in("any", of()), in("tool", of(words("name")))))))
	system := list("system", one("a system block", says("text"), in("guardContent", guard), in("cachePoint", cache)))
	messages := list("messages", of(words("role"), list("content", block)))
	extra := member{name: "additionalModelRequestFields", kinds: document, read: (*reader).modelFields}
	limits := in("inferenceConfig", of(member{name: "maxTokens", kinds: integer, read: (*reader).maxTokens},
		member{name: "temperature", kinds: number}, member{name: "topP", kinds: number}, member{name: "stopSequences", kinds: array}))

	var s shapes
	s.converse = of(messages, system, limits, tools,
		member{name: "guardrailConfig", kinds: object, hear: word, need: call.Guardrail,
			of: of(words("guardrailIdentifier"), words("guardrailVersion"), words("trace"), words("streamProcessingMode"))},
		extra, member{name: "promptVariables", kinds: object, need: call.PromptID},
		member{name: "additionalModelResponseFieldPaths", kinds: array, hear: word},
		member{name: "requestMetadata", kinds: object}, in("performanceConfig", of(words("latency"))), in("serviceTier", of(words("type"))),
		in("outputConfig", of(in("textFormat", of(words("type"),
			in("structure", one("a structure", in("jsonSchema", of(says("schema"), says("name"), says("description"))))))), words("effort"))))
	s.count = of(in("input", one("an input", in("converse", of(messages, system, tools, extra)),
		member{name: "invokeModel", kinds: object, read: (*reader).countInvoke})))
	// Amazon Nova's own body has the same members (Nova user guide, 2026).
	s.nova = of(words("schemaVersion"), messages, system, in("inferenceConfig", of(member{name: "maxTokens", kinds: integer, read: (*reader).maxTokens},
		member{name: "max_new_tokens", kinds: integer, read: (*reader).maxTokens})), tools)
	return s
}
