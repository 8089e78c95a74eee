package sim

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// fields reads the members of one object of a request and keeps the first thing that is wrong with them, in the
// vendor's words. A member that is null counts as absent, as it does with the vendors.
type fields struct {
	object
	path string // of the object in the body, "" for the body itself
	err  **apiError
}

func fieldsOf(o object, path string) fields { return fields{o, path, new(*apiError)} }

func (f fields) failed() *apiError { return *f.err }

func (f fields) fail(e *apiError) {
	if *f.err == nil {
		*f.err = e
	}
}

func (f fields) at(name string) string {
	if f.path == "" {
		return name
	}
	return f.path + "." + name
}

// in returns the fields of another object of the same body; they share the first error.
func (f fields) in(o object, path string) fields { return fields{o, path, f.err} }

func (f fields) value(name string) (any, bool) {
	v, ok := f.get(name)
	return v, ok && v != nil
}

func (f fields) wrongType(name, want string, got any) {
	f.fail(wrongType(f.at(name), want, got))
}

func wrongType(path, want string, got any) *apiError {
	return &apiError{http.StatusBadRequest, "invalid_request_error", "invalid_type", path,
		fmt.Sprintf("Invalid type for '%s': expected %s, but got %s instead.", path, want, typeName(got))}
}

func typeName(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case []any:
		return "an array"
	case object:
		return "an object"
	case float64:
		if v == math.Trunc(v) {
			return "an integer"
		}
		return "a decimal"
	}
	return "an unknown type"
}

func (f fields) missing(name string) {
	path := f.at(name)
	f.fail(&apiError{http.StatusBadRequest, "invalid_request_error", "missing_required_parameter", path,
		fmt.Sprintf("Missing required parameter: '%s'.", path)})
}

func (f fields) invalid(name, code, message string) {
	f.fail(&apiError{http.StatusBadRequest, "invalid_request_error", code, f.at(name), message})
}

// optional reads a member of type T; want names the type for the error.
func optional[T any](f fields, name, want string) (T, bool) {
	v, ok := f.value(name)
	if !ok {
		var none T
		return none, false
	}
	t, ok := v.(T)
	if !ok {
		f.wrongType(name, want, v)
	}
	return t, ok
}

func (f fields) str(name string) string {
	s, _ := optional[string](f, name, "a string")
	return s
}

func (f fields) flag(name string) bool {
	b, _ := optional[bool](f, name, "a boolean")
	return b
}

func (f fields) requiredStr(name string) string {
	if _, ok := f.value(name); !ok {
		f.missing(name)
		return ""
	}
	return f.str(name)
}

func (f fields) child(name string) (fields, bool) {
	o, ok := optional[object](f, name, "an object")
	return f.in(o, f.at(name)), ok
}

// oneOf reads a string that must be one of a few.
func (f fields) oneOf(name string, allowed ...string) string {
	s, ok := optional[string](f, name, "a string")
	if ok && !slices.Contains(allowed, s) {
		f.invalid(name, "invalid_value", fmt.Sprintf("Invalid value: '%s'. Supported values are: '%s'.",
			s, strings.Join(allowed, "', '")))
	}
	return s
}

// integer reads an integer from low to high; absent gives 0 and false.
func (f fields) integer(name string, low, high int) (int, bool) {
	x, ok := optional[float64](f, name, "an integer")
	if !ok {
		return 0, false
	}
	if x != math.Trunc(x) {
		f.wrongType(name, "an integer", x)
		return 0, false
	}
	f.inRange(name, "integer", x, float64(low), float64(high))
	return int(x), true
}

// number reads a number from low to high and forgets it; the pretend vendors' sampling has no temperature.
func (f fields) number(name string, low, high float64) {
	if x, ok := optional[float64](f, name, "a decimal"); ok {
		f.inRange(name, "decimal", x, low, high)
	}
}

func (f fields) inRange(name, kind string, x, low, high float64) {
	bound, side, sign, code := low, "minimum", ">=", kind+"_below_min_value"
	word := "below"
	switch {
	case x < low:
	case x > high:
		bound, side, sign, code, word = high, "maximum", "<=", kind+"_above_max_value", "above"
	default:
		return
	}
	f.invalid(name, code, fmt.Sprintf("Invalid '%s': %s %s %s value. Expected a value %s %s, but got %s instead.",
		f.at(name), kind, word, side, sign, plain(bound), plain(x)))
}

func plain(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// objects reads an array of objects; each comes with its path.
func (f fields) objects(name string) []fields {
	list, ok := optional[[]any](f, name, "an array of objects")
	if !ok {
		return nil
	}
	out := make([]fields, 0, len(list))
	for i, v := range list {
		path := fmt.Sprintf("%s[%d]", f.at(name), i)
		o, ok := v.(object)
		if !ok {
			f.fail(wrongType(path, "an object", v))
			return nil
		}
		out = append(out, f.in(o, path))
	}
	return out
}
