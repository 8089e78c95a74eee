package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"
	"github.com/openai/openai-go/v3/shared"
)

// response is openai-go, the Responses API.
type response struct{ client openai.Client }

func responsesDriver() (driver, error) {
	c := response{newOpenAI(key)}
	d := openaiDriver("responses", c.client)
	d.say, d.talk, d.describe, d.look = c.say, c.talk, c.describe, c.look
	d.stranger = func(alias string) error { _, err := response{newOpenAI("sk-wrong")}.say(alias, say, false); return err }
	d.malformed = func(alias string) error {
		_, err := c.client.Responses.New(context.Background(), c.asking(alias, c.user(say)), option.WithJSONSet("temperature", "hot"))
		return err
	}
	return d, nil
}

// asking keeps nothing at the vendor, so what is opaque of reasoning is asked for.
func (response) asking(model string, items ...responses.ResponseInputItemUnionParam) responses.ResponseNewParams {
	return responses.ResponseNewParams{Model: model, Store: openai.Bool(false), Include: []responses.ResponseIncludable{responses.ResponseIncludableReasoningEncryptedContent},
		Input: responses.ResponseNewParamsInputUnion{OfInputItemList: items}}
}

func (response) user(text string) responses.ResponseInputItemUnionParam {
	return responses.ResponseInputItemParamOfMessage(text, responses.EasyInputMessageRoleUser)
}

// errFailed is an event by which a stream says that it failed.
var errFailed = errors.New("the stream says that it failed")

// send asks; a stream is gathered by the SDK's own accumulator, which reads the
// events of its other transport, of the same form.
func (c response) send(p responses.ResponseNewParams, streamed bool, more ...option.RequestOption) (*responses.Response, error) {
	if !streamed {
		return c.client.Responses.New(context.Background(), p, more...)
	}
	stream := c.client.Responses.NewStreaming(context.Background(), p, more...)
	var whole responses.ResponseAccumulator
	text := ""
	for stream.Next() {
		switch e := stream.Current().AsAny().(type) {
		case responses.ResponseTextDeltaEvent:
			text += e.Delta
		case responses.ResponseErrorEvent:
			return nil, fmt.Errorf("%w: %s", errFailed, e.Message)
		case responses.ResponseFailedEvent:
			return nil, fmt.Errorf("%w: %s", errFailed, e.Response.Error.Message)
		}
		var event responses.ResponsesServerEventUnion
		if err := json.Unmarshal([]byte(stream.Current().RawJSON()), &event); err != nil {
			return nil, err
		}
		if err := whole.AddEvent(event); err != nil {
			return nil, err
		}
	}
	if err := stream.Err(); err != nil {
		return nil, err
	}
	r, err := whole.ReconstructedResponse()
	if err != nil {
		return nil, err
	}
	return r, same("the text in pieces", text, r.OutputText())
}

func (c response) say(alias, text string, streamed bool) (reply, error) {
	var raw *http.Response
	r, err := c.send(c.asking(alias, c.user(text)), streamed, option.WithResponseInto(&raw))
	if err != nil {
		return reply{}, err
	}
	return reply{r.OutputText(), string(r.Status), raw.Header.Get("x-request-id"), r.Usage.InputTokens, r.Usage.OutputTokens}, nil
}

// back are the items of a reply as they are given back.
func (response) back(r *responses.Response) (out []responses.ResponseInputItemUnionParam) {
	for _, item := range r.Output {
		out = append(out, param.Override[responses.ResponseInputItemUnionParam](json.RawMessage(item.RawJSON())))
	}
	return out
}

func (c response) talk(alias string, streamed, reason bool) conversation {
	p := c.asking(alias)
	p.Tools = []responses.ToolUnionParam{{OfFunction: &responses.FunctionToolParam{Name: tool, Description: openai.String(toolSays), Parameters: cityForm, Strict: openai.Bool(true)}}}
	if reason {
		p.Reasoning, p.MaxOutputTokens = shared.ReasoningParam{Effort: shared.ReasoningEffortLow}, openai.Int(4000)
	}
	return func(question string) (r round, err error) {
		input := &p.Input.OfInputItemList
		*input = append(*input, c.user(question))
		first, err := c.send(p, streamed)
		if err != nil {
			return r, err
		}
		*input = append(*input, c.back(first)...)
		for _, item := range first.Output {
			switch item := item.AsAny().(type) {
			case responses.ResponseReasoningItem:
				if item.EncryptedContent != "" {
					r.states = append(r.states, item.EncryptedContent)
				}
			case responses.ResponseFunctionToolCall:
				city, err := cityOf(item.Arguments)
				if err != nil {
					return r, err
				}
				r.cities = append(r.cities, city)
				result := responses.ResponseInputItemParamOfFunctionCallOutput(weather(city))
				result.OfFunctionCallOutput.CallID = openai.String(item.CallID)
				*input = append(*input, result)
			}
		}
		final, err := c.send(p, streamed)
		if err != nil {
			return r, err
		}
		*input = append(*input, c.back(final)...)
		r.text = final.OutputText()
		return r, errors.Join(same("status", first.Status, responses.ResponseStatusCompleted), same("the last status", final.Status, responses.ResponseStatusCompleted))
	}
}

func (c response) describe(alias, text string) (string, error) {
	p := c.asking(alias, c.user(text))
	p.Text.Format = responses.ResponseFormatTextConfigUnionParam{OfJSONSchema: &responses.ResponseFormatTextJSONSchemaConfigParam{Name: "ship", Schema: shipForm, Strict: openai.Bool(true)}}
	r, err := c.send(p, false)
	if err != nil {
		return "", err
	}
	return r.OutputText(), nil
}

func (c response) look(alias, text, png string) error {
	image := responses.ResponseInputContentParamOfInputImage(responses.ResponseInputImageDetailAuto)
	image.OfInputImage.ImageURL = openai.String("data:image/png;base64," + png)
	content := responses.ResponseInputMessageContentListParam{responses.ResponseInputContentParamOfInputText(text), image}
	_, err := c.send(c.asking(alias, responses.ResponseInputItemParamOfMessage(content, responses.EasyInputMessageRoleUser)), false)
	return err
}
