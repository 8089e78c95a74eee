package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/document"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	"github.com/aws/smithy-go"
)

// converse is the AWS SDK's client of bedrockruntime, Converse and
// ConverseStream, which signs with a pair of keys.
type converse struct{ client *bedrockruntime.Client }

func newConverse(id, secret string) (converse, error) {
	c, err := config.LoadDefaultConfig(context.Background(), config.WithBaseEndpoint(gateway), config.WithRegion("us-gov-west-1"),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(id, secret, "")), config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }))
	return converse{bedrockruntime.NewFromConfig(c)}, err
}

func bedrockDriver() (driver, error) {
	c, err := newConverse(os.Getenv("BULKHEAD_AWS_ID"), os.Getenv("BULKHEAD_AWS_SECRET"))
	if err != nil {
		return driver{}, err
	}
	stranger, err := newConverse("BKIAAAAAAAAAAAAAAAAA", "none")
	return driver{
		client: "aws-sdk-go", module: "github.com/aws/aws-sdk-go-v2/service/bedrockruntime",
		say: c.say, talk: c.talk, describe: c.describe, look: c.look,
		stranger: func(alias string) error { _, err := stranger.say(alias, say, false); return err },
		malformed: func(alias string) error {
			p := c.asking(alias, &types.ContentBlockMemberText{Value: say})
			p.Messages[0].Role = "robot"
			_, err := c.send(p, false)
			return err
		},
		raised: c.raised,
		broken: func(err error) error {
			var e smithy.APIError
			if !errors.As(err, &e) {
				return fmt.Errorf("no error of the SDK's: %w", err)
			}
			return nil
		},
		told: func(err error) (code, message string) {
			var e *awshttp.ResponseError
			var said smithy.APIError
			if !errors.As(err, &e) || !errors.As(err, &said) {
				return "", ""
			}
			return e.Response.Header.Get("Bulkhead-Error"), said.ErrorMessage()
		},
	}, err
}

// raised sees that an error is of the SDK's own type for a status; for 401 it
// has none.
func (converse) raised(err error, status int) error {
	of := map[int]any{403: new(*types.AccessDeniedException), 404: new(*types.ResourceNotFoundException), 400: new(*types.ValidationException),
		429: new(*types.ThrottlingException), 503: new(*types.ServiceUnavailableException)}
	var said smithy.APIError
	var e *awshttp.ResponseError
	switch {
	case !errors.As(err, &said) || !errors.As(err, &e):
		return fmt.Errorf("no error of the SDK's: %w", err)
	case of[status] == nil:
		err = same("code", said.ErrorCode(), "UnrecognizedClientException")
	case !errors.As(err, of[status]):
		err = fmt.Errorf("the error is %T, want %T: %w", said, of[status], err)
	default:
		err = nil
	}
	return errors.Join(err, same("status", e.HTTPStatusCode(), status), same("a request id", e.ServiceRequestID() != "", true))
}

func (converse) asking(model string, blocks ...types.ContentBlock) bedrockruntime.ConverseInput {
	return bedrockruntime.ConverseInput{ModelId: aws.String(model), Messages: []types.Message{{Role: types.ConversationRoleUser, Content: blocks}}}
}

// converseReply is what came of a call, whole or in pieces.
type converseReply struct {
	id      string
	message types.Message
	stop    types.StopReason
	usage   types.TokenUsage
}

func (c converse) send(p bedrockruntime.ConverseInput, streamed bool) (r converseReply, err error) {
	if streamed {
		return c.stream(p)
	}
	out, err := c.client.Converse(context.Background(), &p)
	if err != nil {
		return r, err
	}
	id, _ := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
	return converseReply{id, out.Output.(*types.ConverseOutputMemberMessage).Value, out.StopReason, *out.Usage}, nil
}

// stream asks for a stream and gathers its events; the SDK has no helper for it.
func (c converse) stream(p bedrockruntime.ConverseInput) (r converseReply, err error) {
	out, err := c.client.ConverseStream(context.Background(), &bedrockruntime.ConverseStreamInput{ModelId: p.ModelId, Messages: p.Messages, ToolConfig: p.ToolConfig,
		InferenceConfig: p.InferenceConfig, AdditionalModelRequestFields: p.AdditionalModelRequestFields})
	if err != nil {
		return r, err
	}
	stream := out.GetStream()
	defer stream.Close()
	r.id, _ = awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
	text, calls, inputs := map[int32]string{}, map[int32]*types.ToolUseBlock{}, map[int32]string{}
	for event := range stream.Events() {
		switch e := event.(type) {
		case *types.ConverseStreamOutputMemberMessageStart:
			r.message.Role = e.Value.Role
		case *types.ConverseStreamOutputMemberContentBlockStart:
			if start, ok := e.Value.Start.(*types.ContentBlockStartMemberToolUse); ok {
				calls[*e.Value.ContentBlockIndex] = &types.ToolUseBlock{Name: start.Value.Name, ToolUseId: start.Value.ToolUseId}
			}
		case *types.ConverseStreamOutputMemberContentBlockDelta:
			switch d := e.Value.Delta.(type) {
			case *types.ContentBlockDeltaMemberText:
				text[*e.Value.ContentBlockIndex] += d.Value
			case *types.ContentBlockDeltaMemberToolUse:
				inputs[*e.Value.ContentBlockIndex] += *d.Value.Input
			}
		case *types.ConverseStreamOutputMemberContentBlockStop:
			i := *e.Value.ContentBlockIndex
			if call := calls[i]; call != nil {
				var input map[string]any
				if err := json.Unmarshal([]byte(inputs[i]), &input); err != nil {
					return r, err
				}
				call.Input = document.NewLazyDocument(input)
				r.message.Content = append(r.message.Content, &types.ContentBlockMemberToolUse{Value: *call})
			} else if text[i] != "" {
				r.message.Content = append(r.message.Content, &types.ContentBlockMemberText{Value: text[i]})
			}
		case *types.ConverseStreamOutputMemberMessageStop:
			r.stop = e.Value.StopReason
		case *types.ConverseStreamOutputMemberMetadata:
			r.usage = *e.Value.Usage
		}
	}
	return r, stream.Err()
}

func (r converseReply) text() string {
	var b strings.Builder
	for _, block := range r.message.Content {
		if t, ok := block.(*types.ContentBlockMemberText); ok {
			b.WriteString(t.Value)
		}
	}
	return b.String()
}

func (c converse) say(alias, text string, streamed bool) (reply, error) {
	r, err := c.send(c.asking(alias, &types.ContentBlockMemberText{Value: text}), streamed)
	if err != nil {
		return reply{}, err
	}
	u := r.usage
	input := aws.ToInt32(u.InputTokens) + aws.ToInt32(u.CacheReadInputTokens) + aws.ToInt32(u.CacheWriteInputTokens)
	return reply{r.text(), string(r.stop), r.id, int64(input), int64(aws.ToInt32(u.OutputTokens))}, nil
}

func (c converse) talk(alias string, streamed, reason bool) conversation {
	p := c.asking(alias)
	p.Messages = nil
	p.ToolConfig = &types.ToolConfiguration{Tools: []types.Tool{&types.ToolMemberToolSpec{Value: types.ToolSpecification{Name: aws.String(tool), Description: aws.String(toolSays),
		InputSchema: &types.ToolInputSchemaMemberJson{Value: document.NewLazyDocument(cityForm)}}}}}
	if reason {
		p.InferenceConfig = &types.InferenceConfiguration{MaxTokens: aws.Int32(4000)}
		p.AdditionalModelRequestFields = document.NewLazyDocument(map[string]any{"thinking": map[string]any{"type": "enabled", "budget_tokens": 1024}})
	}
	user := func(blocks ...types.ContentBlock) types.Message {
		return types.Message{Role: types.ConversationRoleUser, Content: blocks}
	}
	return func(question string) (r round, err error) {
		p.Messages = append(p.Messages, user(&types.ContentBlockMemberText{Value: question}))
		first, err := c.send(p, streamed)
		if err != nil {
			return r, err
		}
		var results []types.ContentBlock
		for _, block := range first.message.Content {
			switch b := block.(type) {
			case *types.ContentBlockMemberReasoningContent:
				if t, ok := b.Value.(*types.ReasoningContentBlockMemberReasoningText); ok && t.Value.Signature != nil {
					r.states = append(r.states, *t.Value.Signature)
				}
			case *types.ContentBlockMemberToolUse:
				// A document that was made here can be written, but not read.
				input, err := b.Value.Input.MarshalSmithyDocument()
				if err != nil {
					return r, err
				}
				city, err := cityOf(string(input))
				if err != nil {
					return r, err
				}
				r.cities = append(r.cities, city)
				results = append(results, &types.ContentBlockMemberToolResult{Value: types.ToolResultBlock{ToolUseId: b.Value.ToolUseId,
					Content: []types.ToolResultContentBlock{&types.ToolResultContentBlockMemberText{Value: weather(city)}}}})
			}
		}
		p.Messages = append(p.Messages, first.message, user(results...))
		final, err := c.send(p, streamed)
		if err != nil {
			return r, err
		}
		p.Messages = append(p.Messages, final.message)
		r.text = final.text()
		return r, errors.Join(same("stopReason", first.stop, types.StopReasonToolUse), same("the last stopReason", final.stop, types.StopReasonEndTurn))
	}
}

func (c converse) describe(alias, text string) (string, error) {
	form, err := json.Marshal(shipForm)
	if err != nil {
		return "", err
	}
	p := c.asking(alias, &types.ContentBlockMemberText{Value: text})
	p.OutputConfig = &types.OutputConfig{TextFormat: &types.OutputFormat{Type: types.OutputFormatTypeJsonSchema,
		Structure: &types.OutputFormatStructureMemberJsonSchema{Value: types.JsonSchemaDefinition{Name: aws.String("ship"), Schema: aws.String(string(form))}}}}
	r, err := c.send(p, false)
	return r.text(), err
}

func (c converse) look(alias, text, png string) error {
	data, err := base64.StdEncoding.DecodeString(png)
	if err != nil {
		return err
	}
	image := &types.ContentBlockMemberImage{Value: types.ImageBlock{Format: types.ImageFormatPng, Source: &types.ImageSourceMemberBytes{Value: data}}}
	_, err = c.send(c.asking(alias, &types.ContentBlockMemberText{Value: text}, image), false)
	return err
}
