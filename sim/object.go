package sim

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// object is a JSON object whose members keep their order and their presence: what is absent, null or empty, and in
// which order, is part of the wire that is imitated, so replies are built of these and not of structs.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSONTo writes o in its own order.
func (o object) MarshalJSONTo(e *jsontext.Encoder) error {
	if err := e.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, m := range o {
		if err := e.WriteToken(jsontext.String(m.name)); err != nil {
			return err
		}
		if err := json.MarshalEncode(e, m.value); err != nil {
			return err
		}
	}
	return e.WriteToken(jsontext.EndObject)
}

// get returns the member with that name; ok is false if there is none.
func (o object) get(name string) (value any, ok bool) {
	for _, m := range o {
		if m.name == name {
			return m.value, true
		}
	}
	return nil, false
}

// text returns the member with that name if it is a string, else "".
func (o object) text(name string) string {
	v, _ := o.get(name)
	s, _ := v.(string)
	return s
}

// object returns the member with that name if it is an object, else nil.
func (o object) object(name string) object {
	v, _ := o.get(name)
	m, _ := v.(object)
	return m
}

// array returns the member with that name if it is an array, else nil.
func (o object) array(name string) []any {
	v, _ := o.get(name)
	a, _ := v.([]any)
	return a
}

// number returns the member with that name if it is a number.
func (o object) number(name string) (float64, bool) {
	v, _ := o.get(name)
	f, ok := v.(float64)
	return f, ok
}

// encode gives the compact JSON of a value built here, which always can be encoded.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err))
	}
	return b
}

// parse decodes JSON to nil, bool, float64, string, []any and object. Like the vendors it takes the last of members
// with equal names.
func parse(text []byte) (any, error) {
	d := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true))
	v, err := parseNext(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return nil, errors.New("more than one JSON value")
	}
	return v, nil
}

func parseNext(d *jsontext.Decoder) (any, error) {
	t, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	switch t.Kind() {
	case jsontext.KindBeginObject:
		return parseObject(d)
	case jsontext.KindBeginArray:
		out := []any{}
		for d.PeekKind() != jsontext.KindEndArray {
			v, err := parseNext(d)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		_, err := d.ReadToken()
		return out, err
	case jsontext.KindString:
		return t.String(), nil
	case jsontext.KindNumber:
		return t.Float()
	case jsontext.KindTrue, jsontext.KindFalse:
		return t.Bool(), nil
	default:
		return nil, nil
	}
}

func parseObject(d *jsontext.Decoder) (any, error) {
	out := object{}
	at := map[string]int{}
	for d.PeekKind() != jsontext.KindEndObject {
		t, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		name := t.String() // the token is only good until the next read
		v, err := parseNext(d)
		if err != nil {
			return nil, err
		}
		if i, dup := at[name]; dup {
			out[i].value = v
			continue
		}
		at[name] = len(out)
		out = append(out, member{name, v})
	}
	_, err := d.ReadToken()
	return out, err
}
