package bedrock

import dialects "bulkhead/dialect"

// Fields implements dialect.Server: every field of ConverseRequest,
// ConverseStreamRequest, CountTokensRequest and InvokeModelRequest.
func (Server) Fields() dialects.Fields { return fields }

const (
	carried      = dialects.FateCarried
	approximated = dialects.FateApproximated
	refused      = dialects.FateRefused
	own          = dialects.FateOwn
)

var fields = func() dialects.Fields {
	const block, part = "messages[].content[].", "messages[].parts[]"
	table := dialects.Fields{
		{Path: "messages", Fate: carried, Hub: "messages"},
		{Path: "messages[].role", Fate: carried, Hub: "messages[].role"},
		{Path: "messages[].content", Fate: carried, Hub: part},
		{Path: block + "text", Fate: carried, Hub: part + ".text"},
		{Path: block + "cachePoint.**", Fate: approximated, Hub: part + ".cache"},

		{Path: block + "toolUse", Fate: carried},
		{Path: block + "toolUse.toolUseId", Fate: carried, Hub: part + ".id"},
		{Path: block + "toolUse.name", Fate: carried, Hub: part + ".name"},
		{Path: block + "toolUse.input", Fate: carried, Hub: part + ".arguments"},
		{Path: block + "toolUse.type", Fate: refused, Hub: part + ".native"},
		{Path: block + "toolResult", Fate: carried},
		{Path: block + "toolResult.toolUseId", Fate: carried, Hub: part + ".call_id"},
		{Path: block + "toolResult.status", Fate: approximated, Hub: part + ".error"},
		{Path: block + "toolResult.type", Fate: refused},
		{Path: block + "toolResult.content", Fate: carried, Hub: part + ".parts"},
		{Path: block + "toolResult.content[].text", Fate: carried, Hub: part + ".parts[].text"},
		{Path: block + "toolResult.content[].json", Fate: approximated, Hub: part + ".parts[].value"},
		{Path: block + "toolResult.content[].image.**", Fate: approximated, Hub: part + ".parts[].medium"},
		{Path: block + "toolResult.content[].document.**", Fate: refused},
		{Path: block + "toolResult.content[].video.**", Fate: refused},
		{Path: block + "toolResult.content[].searchResult.**", Fate: refused, Hub: part + ".parts[].native"},

		{Path: block + "reasoningContent", Fate: carried},
		{Path: block + "reasoningContent.reasoningText", Fate: carried},
		{Path: block + "reasoningContent.reasoningText.text", Fate: approximated},
		{Path: block + "reasoningContent.reasoningText.signature", Fate: approximated, Hub: part + ".state"},
		{Path: block + "reasoningContent.redactedContent", Fate: approximated},
		{Path: block + "citationsContent.**", Fate: approximated, Hub: part + ".citations"},
		{Path: block + "guardContent.**", Fate: refused},
		{Path: block + "searchResult.**", Fate: refused},
		{Path: block + "toolAddition.**", Fate: refused},
		{Path: block + "toolRemoval.**", Fate: refused},

		{Path: "system", Fate: carried, Hub: "instructions"},
		{Path: "system[].text", Fate: carried, Hub: "instructions[].text"},
		{Path: "system[].cachePoint.**", Fate: approximated, Hub: "instructions[].cache"},
		{Path: "system[].guardContent.**", Fate: refused, Hub: "instructions[].native"},

		{Path: "inferenceConfig", Fate: carried},
		{Path: "inferenceConfig.maxTokens", Fate: carried, Hub: "sampling.max_tokens"},
		{Path: "inferenceConfig.temperature", Fate: carried, Hub: "sampling.temperature"},
		{Path: "inferenceConfig.topP", Fate: carried, Hub: "sampling.top_p"},
		{Path: "inferenceConfig.stopSequences", Fate: refused, Hub: "sampling.stop"},

		{Path: "toolConfig", Fate: carried},
		{Path: "toolConfig.tools", Fate: carried, Hub: "tools"},
		{Path: "toolConfig.tools[].toolSpec", Fate: carried},
		{Path: "toolConfig.tools[].toolSpec.name", Fate: carried, Hub: "tools[].name"},
		{Path: "toolConfig.tools[].toolSpec.description", Fate: carried, Hub: "tools[].description"},
		{Path: "toolConfig.tools[].toolSpec.inputSchema.**", Fate: carried, Hub: "tools[].schema"},
		{Path: "toolConfig.tools[].toolSpec.strict", Fate: approximated, Hub: "tools[].strict"},
		{Path: "toolConfig.tools[].systemTool.**", Fate: refused, Hub: "tools[].kind"},
		{Path: "toolConfig.tools[].cachePoint.**", Fate: approximated, Hub: "tools[].cache"},
		{Path: "toolConfig.toolChoice.**", Fate: carried, Hub: "tool_choice"},

		{Path: "guardrailConfig.**", Fate: refused, Hub: "guardrailConfig"},
		{Path: "promptVariables.**", Fate: refused, Hub: "promptVariables"},
		{Path: "additionalModelRequestFields", Fate: own, Hub: "additionalModelRequestFields"},
		{Path: "additionalModelRequestFields.thinking", Fate: approximated, Hub: "thinking", Beyond: true},
		{Path: "additionalModelRequestFields.reasoning_effort", Fate: approximated, Beyond: true},
		{Path: "additionalModelRequestFields.top_k", Fate: approximated, Hub: "sampling.top_k", Beyond: true},
		{Path: "additionalModelRequestFields.tool_choice", Fate: approximated, Hub: "parallel_tools", Beyond: true},
		{Path: "additionalModelResponseFieldPaths", Fate: own, Hub: "additionalModelResponseFieldPaths"},
		{Path: "requestMetadata", Fate: approximated, Hub: "metadata"},
		{Path: "performanceConfig.**", Fate: own, Hub: "performanceConfig"},
		{Path: "serviceTier.**", Fate: approximated, Hub: "service_tier"},

		{Path: "outputConfig", Fate: carried},
		{Path: "outputConfig.effort", Fate: approximated, Hub: "thinking.effort"},
		{Path: "outputConfig.textFormat", Fate: refused, Hub: "format"},
		{Path: "outputConfig.textFormat.type", Fate: refused, Hub: "format.kind"},
		{Path: "outputConfig.textFormat.structure", Fate: refused},
		{Path: "outputConfig.textFormat.structure.jsonSchema", Fate: refused},
		{Path: "outputConfig.textFormat.structure.jsonSchema.schema", Fate: refused, Hub: "format.schema"},
		{Path: "outputConfig.textFormat.structure.jsonSchema.name", Fate: approximated, Hub: "format.name"},
		{Path: "outputConfig.textFormat.structure.jsonSchema.description", Fate: approximated, Hub: "format.description"},

		{Path: "input", Fate: carried},
		{Path: "input.converse.**", Fate: carried},
		{Path: "input.invokeModel.**", Fate: refused},
		{Path: "body", Fate: carried},
	}
	for _, m := range []struct{ name, medium string }{{"image", "image"}, {"document", "document"}, {"video", "video"}, {"audio", "audio"}} {
		at := block + m.name
		hub := func(member string) string {
			if m.name == "image" { // the paths of canonical JSON are the same for all media: one row stands for them
				return part + member
			}
			return ""
		}
		table = append(table,
			dialects.Field{Path: at, Fate: refused, Hub: hub(".medium")},
			dialects.Field{Path: at + ".format", Fate: refused, Hub: hub(".media_type")},
			dialects.Field{Path: at + ".source", Fate: refused},
			dialects.Field{Path: at + ".source.bytes", Fate: refused, Hub: hub(".data")},
			dialects.Field{Path: at + ".source.s3Location.**", Fate: refused, Hub: hub(".url")})
		switch m.name {
		case "document":
			table = append(table,
				dialects.Field{Path: at + ".name", Fate: approximated},
				dialects.Field{Path: at + ".context", Fate: approximated, Hub: part + ".context"},
				dialects.Field{Path: at + ".citations.**", Fate: approximated, Hub: part + ".cite"},
				dialects.Field{Path: at + ".source.text", Fate: approximated},
				dialects.Field{Path: at + ".source.content.**", Fate: approximated})
		case "image", "audio":
			table = append(table, dialects.Field{Path: at + ".error.**", Fate: own})
		}
	}
	for _, h := range invokeHeaders {
		fate := own
		if h.need != "" {
			fate = refused
		}
		table = append(table, dialects.Field{Path: h.name, Fate: fate, Hub: h.name, Beyond: true})
	}
	return table
}()
