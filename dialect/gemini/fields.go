package gemini

import "bulkhead/dialect"

const (
	carried = dialect.FateCarried
	near    = dialect.FateApproximated
	refused = dialect.FateRefused
	own     = dialect.FateOwn
)

// fields is the dialect's table: the requests of generateContent, countTokens,
// embedContent and batchEmbedContents, of both surfaces together.
var fields = dialect.Fields{
	{Path: "model", Fate: carried, Hub: "model"},

	// The conversation.
	{Path: "contents", Fate: carried, Hub: "messages"},
	{Path: "contents[].role", Fate: carried, Hub: "messages[].role"},
	{Path: "contents[].parts", Fate: carried, Hub: "messages[].parts"},
	{Path: "contents[].parts[].text", Fate: carried, Hub: "messages[].parts[].text"},
	{Path: "contents[].parts[].thought", Fate: near, Hub: "messages[].parts[].summary"},
	{Path: "contents[].parts[].thoughtSignature", Fate: near, Hub: "messages[].parts[].state"},
	{Path: "contents[].parts[].inlineData", Fate: refused, Hub: "messages[].parts[].medium"},
	{Path: "contents[].parts[].inlineData.mimeType", Fate: refused, Hub: "messages[].parts[].media_type"},
	{Path: "contents[].parts[].inlineData.data", Fate: refused, Hub: "messages[].parts[].data"},
	{Path: "contents[].parts[].inlineData.displayName", Fate: near, Hub: "messages[].parts[].name", Beyond: true},
	{Path: "contents[].parts[].fileData", Fate: refused, Hub: "messages[].parts[].url"},
	{Path: "contents[].parts[].fileData.fileUri", Fate: refused, Hub: "messages[].parts[].file_id"},
	{Path: "contents[].parts[].fileData.mimeType", Fate: carried},
	{Path: "contents[].parts[].fileData.displayName", Fate: near, Beyond: true},
	{Path: "contents[].parts[].functionCall", Fate: carried},
	{Path: "contents[].parts[].functionCall.id", Fate: carried, Hub: "messages[].parts[].id"},
	{Path: "contents[].parts[].functionCall.name", Fate: carried},
	{Path: "contents[].parts[].functionCall.args", Fate: carried, Hub: "messages[].parts[].arguments"},
	{Path: "contents[].parts[].functionCall.partialArgs.**", Fate: carried}, // args repeats them
	{Path: "contents[].parts[].functionCall.willContinue", Fate: carried},
	{Path: "contents[].parts[].functionResponse", Fate: carried, Hub: "messages[].parts[].parts"},
	{Path: "contents[].parts[].functionResponse.id", Fate: carried, Hub: "messages[].parts[].call_id"},
	{Path: "contents[].parts[].functionResponse.name", Fate: carried},
	{Path: "contents[].parts[].functionResponse.response", Fate: carried, Hub: "messages[].parts[].error"},
	{Path: "contents[].parts[].functionResponse.parts", Fate: near, Hub: "messages[].parts[].parts[]"},
	{Path: "contents[].parts[].functionResponse.parts[].inlineData", Fate: near, Hub: "messages[].parts[].parts[].medium"},
	{Path: "contents[].parts[].functionResponse.parts[].inlineData.data", Fate: near, Hub: "messages[].parts[].parts[].data"},
	{Path: "contents[].parts[].functionResponse.parts[].inlineData.mimeType", Fate: near, Hub: "messages[].parts[].parts[].media_type"},
	{Path: "contents[].parts[].functionResponse.parts[].inlineData.displayName", Fate: near, Hub: "messages[].parts[].parts[].name"},
	{Path: "contents[].parts[].functionResponse.parts[].fileData", Fate: refused, Hub: "messages[].parts[].parts[].url"},
	{Path: "contents[].parts[].functionResponse.parts[].fileData.fileUri", Fate: refused, Hub: "messages[].parts[].parts[].file_id"},
	{Path: "contents[].parts[].functionResponse.parts[].fileData.mimeType", Fate: near},
	{Path: "contents[].parts[].functionResponse.parts[].fileData.displayName", Fate: near},
	{Path: "contents[].parts[].functionResponse.willContinue", Fate: own, Hub: "messages[].parts[].functionResponse.willContinue"},
	{Path: "contents[].parts[].functionResponse.scheduling", Fate: own, Hub: "messages[].parts[].functionResponse.scheduling"},
	{Path: "contents[].parts[].executableCode.**", Fate: own},
	{Path: "contents[].parts[].codeExecutionResult.**", Fate: own},
	{Path: "contents[].parts[].toolCall.**", Fate: own, Beyond: true},
	{Path: "contents[].parts[].toolResponse.**", Fate: own, Beyond: true},
	{Path: "contents[].parts[].videoMetadata.**", Fate: own, Hub: "messages[].parts[].videoMetadata"},
	{Path: "contents[].parts[].mediaResolution.**", Fate: own, Hub: "messages[].parts[].mediaResolution"},
	{Path: "contents[].parts[].mediaProcessing", Fate: own, Hub: "messages[].parts[].mediaProcessing", Beyond: true},
	{Path: "contents[].parts[].speechMetadata.**", Fate: own, Hub: "messages[].parts[].speechMetadata", Beyond: true},
	{Path: "contents[].parts[].audioTranscription.**", Fate: own, Hub: "messages[].parts[].audioTranscription", Beyond: true},
	{Path: "contents[].parts[].partMetadata", Fate: own, Hub: "messages[].parts[].partMetadata"},
	{Path: "systemInstruction", Fate: carried, Hub: "instructions"},
	{Path: "systemInstruction.role", Fate: carried}, // it means nothing
	{Path: "systemInstruction.parts.**", Fate: carried, Hub: "instructions[]"},

	// Tools.
	{Path: "tools", Fate: carried, Hub: "tools"},
	{Path: "tools[].functionDeclarations", Fate: carried},
	{Path: "tools[].functionDeclarations[].name", Fate: carried, Hub: "tools[].name"},
	{Path: "tools[].functionDeclarations[].description", Fate: carried, Hub: "tools[].description"},
	{Path: "tools[].functionDeclarations[].parametersJsonSchema", Fate: carried, Hub: "tools[].schema"},
	{Path: "tools[].functionDeclarations[].parameters.**", Fate: carried}, // as JSON Schema
	{Path: "tools[].functionDeclarations[].response.**", Fate: own, Hub: "tools[].response"},
	{Path: "tools[].functionDeclarations[].responseJsonSchema", Fate: own, Hub: "tools[].responseJsonSchema"},
	{Path: "tools[].functionDeclarations[].behavior", Fate: own, Hub: "tools[].behavior"},
	{Path: "tools[].googleSearch.**", Fate: refused, Hub: "tools[].native"},
	{Path: "tools[].googleSearchRetrieval.**", Fate: refused},
	{Path: "tools[].enterpriseWebSearch.**", Fate: refused},
	{Path: "tools[].exaAiSearch.**", Fate: refused},
	{Path: "tools[].parallelAiSearch.**", Fate: refused},
	{Path: "tools[].googleMaps.**", Fate: refused},
	{Path: "tools[].urlContext", Fate: refused},
	{Path: "tools[].codeExecution", Fate: refused},
	{Path: "tools[].computerUse.**", Fate: refused},
	{Path: "tools[].fileSearch.**", Fate: refused},
	{Path: "tools[].retrieval.**", Fate: refused},
	{Path: "tools[].mcpServers.**", Fate: refused, Beyond: true},
	{Path: "toolConfig", Fate: carried},
	{Path: "toolConfig.functionCallingConfig", Fate: carried, Hub: "tool_choice"},
	{Path: "toolConfig.functionCallingConfig.mode", Fate: refused, Hub: "tool_choice.mode"},
	{Path: "toolConfig.functionCallingConfig.allowedFunctionNames", Fate: refused, Hub: "tool_choice.names"},
	{Path: "toolConfig.functionCallingConfig.streamFunctionCallArguments", Fate: own},
	{Path: "toolConfig.retrievalConfig.**", Fate: own},
	{Path: "toolConfig.includeServerSideToolInvocations", Fate: own, Beyond: true},

	// The answer.
	{Path: "generationConfig", Fate: carried},
	{Path: "generationConfig.candidateCount", Fate: refused, Hub: "sampling.n"},
	{Path: "generationConfig.maxOutputTokens", Fate: carried, Hub: "sampling.max_tokens"},
	{Path: "generationConfig.temperature", Fate: near, Hub: "sampling.temperature"},
	{Path: "generationConfig.topP", Fate: near, Hub: "sampling.top_p"},
	{Path: "generationConfig.topK", Fate: near, Hub: "sampling.top_k"},
	{Path: "generationConfig.seed", Fate: near, Hub: "sampling.seed"},
	{Path: "generationConfig.presencePenalty", Fate: near, Hub: "sampling.presence_penalty"},
	{Path: "generationConfig.frequencyPenalty", Fate: near, Hub: "sampling.frequency_penalty"},
	{Path: "generationConfig.stopSequences", Fate: refused, Hub: "sampling.stop"},
	{Path: "generationConfig.responseLogprobs", Fate: refused, Hub: "sampling.logprobs"},
	{Path: "generationConfig.logprobs", Fate: refused, Hub: "sampling.top_logprobs"},
	{Path: "generationConfig.responseMimeType", Fate: refused, Hub: "format"},
	{Path: "generationConfig.responseJsonSchema", Fate: refused, Hub: "format.schema"},
	{Path: "generationConfig.responseJsonSchemaOrdered", Fate: refused},
	{Path: "generationConfig.responseSchema.**", Fate: refused}, // as JSON Schema
	{Path: "generationConfig.responseModalities", Fate: refused, Hub: "modalities"},
	{Path: "generationConfig.thinkingConfig", Fate: near, Hub: "thinking"},
	{Path: "generationConfig.thinkingConfig.includeThoughts", Fate: near, Hub: "thinking.show"},
	{Path: "generationConfig.thinkingConfig.thinkingBudget", Fate: near, Hub: "thinking.budget"},
	{Path: "generationConfig.thinkingConfig.thinkingLevel", Fate: near, Hub: "thinking.effort"},
	{Path: "generationConfig.speechConfig.**", Fate: own},
	{Path: "generationConfig.imageConfig.**", Fate: own},
	{Path: "generationConfig.mediaResolution", Fate: own},
	{Path: "generationConfig.audioTimestamp", Fate: own},
	{Path: "generationConfig.audioTranscriptionConfig.**", Fate: own, Beyond: true},
	{Path: "generationConfig.enableEnhancedCivicAnswers", Fate: own},
	{Path: "generationConfig.routingConfig.**", Fate: own},
	{Path: "generationConfig.modelConfig.**", Fate: own},
	{Path: "generationConfig.modelSelectionConfig.**", Fate: own, Beyond: true},
	{Path: "generationConfig.responseFormat.**", Fate: own, Beyond: true},
	{Path: "generationConfig.translationConfig.**", Fate: own, Beyond: true},

	// What stands beside them.
	{Path: "cachedContent", Fate: near, Hub: "caching.resource"},
	{Path: "safetySettings.**", Fate: own},
	{Path: "modelArmorConfig.**", Fate: own},
	{Path: "labels", Fate: near, Hub: "metadata"},
	{Path: "serviceTier", Fate: near, Hub: "service_tier", Beyond: true},
	{Path: "store", Fate: near, Hub: "store", Beyond: true},
	{Path: "continuationToken", Fate: own, Beyond: true},
	{Path: "generationOutputConfig.**", Fate: own, Beyond: true},

	// countTokens.
	{Path: "endpoint", Fate: carried}, // the path says it
	{Path: "instances", Fate: own},
	{Path: "generateContentRequest.**", Fate: carried}, // its fields are those above

	// embedContent and batchEmbedContents.
	{Path: "content", Fate: carried, Hub: "inputs"},
	{Path: "content.role", Fate: carried}, // it means nothing
	{Path: "content.parts.**", Fate: refused},
	{Path: "taskType", Fate: near, Hub: "purpose"},
	{Path: "title", Fate: near, Hub: "inputs[].title"},
	{Path: "outputDimensionality", Fate: refused, Hub: "dimensions"},
	{Path: "autoTruncate", Fate: own},
	{Path: "embedContentConfig", Fate: carried},
	{Path: "embedContentConfig.taskType", Fate: near},
	{Path: "embedContentConfig.title", Fate: near},
	{Path: "embedContentConfig.outputDimensionality", Fate: refused},
	{Path: "embedContentConfig.autoTruncate", Fate: own},
	{Path: "embedContentConfig.documentOcr", Fate: own},
	{Path: "embedContentConfig.audioTrackExtraction", Fate: own},
	{Path: "requests", Fate: carried},
	{Path: "requests[].model", Fate: carried},
	{Path: "requests[].content.**", Fate: carried},
	{Path: "requests[].taskType", Fate: near},
	{Path: "requests[].title", Fate: near},
	{Path: "requests[].outputDimensionality", Fate: refused},
}
