package gemini

import (
	"strings"

	"bulkhead/chat"
	"bulkhead/fault"
	"bulkhead/wire"
)

// tool reads one entry of tools: any number of functions, and tools that the
// vendor runs.
func (d *decoder) tool() {
	d.object(func(member string, kind wire.Kind) {
		if member == "functionDeclarations" {
			d.array(func(int) { d.function() })
			return
		}
		d.req.Tools = append(d.req.Tools, chat.Tool{Kind: chat.NativeTool, Native: &chat.Field{Dialect: name, Name: member, Value: d.raw()}})
	})
}

func (d *decoder) function() {
	t := chat.Tool{Kind: chat.Function}
	d.object(func(member string, kind wire.Kind) {
		switch member {
		case "name":
			t.Name = d.text()
		case "description":
			t.Description = d.text()
		case "parametersJsonSchema":
			d.once(&t.Schema, d.raw())
		case "parameters":
			d.once(&t.Schema, d.schema())
		default:
			t.Extra = append(t.Extra, chat.Field{Dialect: name, Name: member, Value: d.raw()})
		}
	})
	d.req.Tools = append(d.req.Tools, t)
}

// once sets a schema, of which there are two ways to give it.
func (d *decoder) once(to *chat.Raw, schema chat.Raw) {
	if *to != nil {
		d.refuse(fault.Malformed, "%s is a second schema of one thing; give one.", d.field())
	}
	*to = schema
}

func (d *decoder) toolConfig() {
	d.object(func(member string, _ wire.Kind) {
		if member != "functionCallingConfig" {
			d.keep("toolConfig." + member)
			return
		}
		var c chat.ToolChoice
		d.object(func(member string, _ wire.Kind) {
			switch member {
			case "mode":
				d.mode(&c)
			case "allowedFunctionNames":
				c.Names = d.texts()
			default:
				d.keep("toolConfig.functionCallingConfig." + member)
			}
		})
		if c.Mode == chat.ChoiceAny && len(c.Names) == 1 {
			c.Mode = chat.ChoiceOne
		}
		if c.Mode == "" && len(c.Names) > 0 {
			c.Mode = chat.ChoiceAuto
		}
		if c.Mode != "" {
			d.req.Choice = &c
		}
	})
}

func (d *decoder) mode(c *chat.ToolChoice) {
	switch word := d.text(); word {
	case "AUTO":
		c.Mode = chat.ChoiceAuto
	case "VALIDATED": // as auto, with arguments held to their schemas
		c.Mode = chat.ChoiceAuto
		c.Extra = chat.Extra{{Dialect: name, Name: "mode", Value: chat.Raw(`"VALIDATED"`)}}
	case "ANY":
		c.Mode = chat.ChoiceAny
	case "NONE":
		c.Mode = chat.ChoiceNone
	case "MODE_UNSPECIFIED", "":
	default:
		d.refuse(fault.Malformed, "%s is no mode; use AUTO, ANY, NONE or VALIDATED.", d.field())
	}
}

// config reads the generationConfig.
func (d *decoder) config() {
	s := &d.req.Sampling
	var f chat.Format
	mime := ""
	d.object(func(member string, _ wire.Kind) {
		switch member {
		case "candidateCount":
			s.N = d.number()
		case "maxOutputTokens":
			s.MaxTokens = d.number()
		case "temperature":
			s.Temperature = d.number()
		case "topP":
			s.TopP = d.number()
		case "topK":
			s.TopK = d.number()
		case "seed":
			s.Seed = d.number()
		case "presencePenalty":
			s.PresencePenalty = d.number()
		case "frequencyPenalty":
			s.FrequencyPenalty = d.number()
		case "stopSequences":
			s.Stop = d.texts()
		case "responseLogprobs":
			s.Logprobs = new(d.boolean())
		case "logprobs":
			s.TopLogprobs = d.number()
		case "responseModalities":
			for _, m := range d.texts() {
				d.req.Modes = append(d.req.Modes, strings.ToLower(m))
			}
		case "responseMimeType":
			mime = d.text()
		case "responseSchema":
			d.once(&f.Schema, d.schema())
		case "responseJsonSchema", "responseJsonSchemaOrdered":
			d.once(&f.Schema, d.raw())
		case "thinkingConfig":
			d.thinking()
		default:
			d.keep("generationConfig." + member)
		}
	})
	switch {
	case mime == "text/x.enum":
		f.Kind = chat.FormatSchema
		f.Extra = chat.Extra{{Dialect: name, Name: "responseMimeType", Value: chat.Raw(`"text/x.enum"`)}}
	case f.Schema != nil:
		f.Kind = chat.FormatSchema
	case mime == "application/json":
		f.Kind = chat.FormatObject
	case mime == "text/plain":
		f.Kind = chat.FormatText
	case mime == "":
		return
	default:
		d.refuse(fault.Unsupported, "generationConfig.responseMimeType is of a type that Bulkhead cannot carry elsewhere; use application/json or text/plain.")
	}
	d.req.Format = &f
}

func (d *decoder) thinking() {
	t := &chat.Thinking{}
	d.object(func(member string, _ wire.Kind) {
		switch member {
		case "includeThoughts":
			t.Show = new(d.boolean())
		case "thinkingBudget":
			t.Budget = d.number()
			switch n, _ := t.Budget.Int(); {
			case n == 0:
				t.Mode = chat.ThinkingOff
			case n < 0:
				t.Mode = chat.ThinkingAdaptive
			default:
				t.Mode = chat.ThinkingOn
			}
		case "thinkingLevel":
			if level := strings.ToLower(d.text()); level != "thinking_level_unspecified" {
				t.Effort = level
			}
		default:
			t.Extra = append(t.Extra, chat.Field{Dialect: name, Name: member, Value: d.raw()})
		}
	})
	d.req.Thinking = t
}

// tierWord is a service tier in the hub's words, which are lower case.
func tierWord(said string) string {
	return strings.TrimPrefix(strings.ToLower(said), "service_tier_")
}
