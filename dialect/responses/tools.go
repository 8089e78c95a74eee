package responses

import (
	"fmt"

	"bulkhead/call"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

var (
	toolNames        = []string{"type", "name", "parameters", "environment", "container", "tools", "input_image_mask"}
	environmentNames = []string{"type", "file_ids", "network_policy", "container_id", "skills"}
	maskNames        = []string{"image_url", "file_id"}
	skillNames       = []string{"type"}
)

// tools reads the tools on offer to the model, at a path; it is the item that
// brings them, nil for those of the request itself.
func (r *reader) tools(at string, it *item) {
	r.s.Array()
	for i := 0; r.s.Element(); i++ {
		path := func() string { return fmt.Sprintf("%s[%d]", at, i) }
		if kind := r.s.Next(); kind != wire.Object {
			r.misfit(path, kind, "an object with a type")
			continue
		}
		r.tool(path, it)
	}
}

func (r *reader) tool(path func() string, it *item) {
	typ, typed, local := "", false, false
	r.object(path, toolNames, func(member int, kind wire.Kind) {
		switch field := func() string { return path() + "." + toolNames[member] }; toolNames[member] {
		case "type":
			typ, typed = r.want(kind, field, false), true
		case "name":
			r.want(kind, field, true)
		case "environment":
			local = r.environment(kind, field) == "local"
		case "container":
			r.environment(kind, field)
		case "tools":
			if kind != wire.Array {
				r.misfit(field, kind, "an array")
				return
			}
			r.tools(field(), it)
		case "input_image_mask":
			r.mask(kind, field)
		default:
			if kind != wire.Object && kind != wire.Null {
				r.misfit(field, kind, "an object")
				return
			}
			r.s.Skip()
		}
	})
	if r.s.Failed() {
		return
	}
	c, known := toolCapability(typ)
	if typ == "shell" && !local {
		c = call.CodeInterpreter // commands run at the vendor
	}
	switch {
	case !typed && it != nil:
		if it.bare == "" {
			it.bare, it.bareTyp = path(), "function"
		}
	case !typed:
		r.refuse(fault.Malformed, path()+".type", "%s has no type; name one: \"function\" or \"custom\".", path())
	case !known:
		r.refuse(fault.Unsupported, path()+".type", "%s is of the type %q, which Bulkhead does not know and so does not pass on. Tools of the types function and custom run at the caller.", path(), clip(typ))
	case c != "":
		r.need(c, path()+".type")
	}
}

// environment reads where code runs: the id of a container that the vendor
// keeps, or an object. It gives the object's type.
func (r *reader) environment(kind wire.Kind, field func() string) (typ string) {
	switch kind {
	case wire.Null:
		r.s.Skip()
	case wire.String:
		r.kept(kind, field)
	case wire.Object:
		r.object(field, environmentNames, func(member int, kind wire.Kind) {
			at := func() string { return field() + "." + environmentNames[member] }
			switch environmentNames[member] {
			case "type":
				typ = r.want(kind, at, false)
			case "file_ids":
				r.keptList(kind, at)
			case "container_id":
				r.kept(kind, at)
			case "network_policy":
				r.network(kind, at)
			case "skills":
				r.skills(kind, at)
			}
		})
	default:
		r.misfit(field, kind, "an object")
	}
	return typ
}

// network reads what a container may reach; all but nothing is a need.
func (r *reader) network(kind wire.Kind, field func() string) {
	if kind != wire.Object {
		if r.s.Skip(); kind != wire.Null && !r.s.Failed() {
			r.need(call.RemoteURL, field())
		}
		return
	}
	typ := ""
	r.object(field, skillNames, func(_ int, kind wire.Kind) {
		typ = r.want(kind, func() string { return field() + ".type" }, false)
	})
	if !r.s.Failed() && typ != "disabled" {
		r.need(call.RemoteURL, field())
	}
}

// skills reads the skills of a container: some are kept at the vendor by id.
func (r *reader) skills(kind wire.Kind, field func() string) {
	if kind != wire.Array {
		r.s.Skip()
		return
	}
	r.s.Array()
	for i := 0; r.s.Element(); i++ {
		if r.s.Next() != wire.Object {
			r.s.Skip()
			continue
		}
		path := func() string { return fmt.Sprintf("%s[%d]", field(), i) }
		typ := ""
		r.object(path, skillNames, func(_ int, kind wire.Kind) {
			typ = r.want(kind, func() string { return path() + ".type" }, false)
		})
		if !r.s.Failed() && typ == "skill_reference" {
			r.need(call.PromptID, path())
		}
	}
}

// mask reads the image that guides an image generation.
func (r *reader) mask(kind wire.Kind, field func() string) {
	if kind != wire.Object {
		r.misfit(field, kind, "an object")
		return
	}
	r.object(field, maskNames, func(member int, kind wire.Kind) {
		at := func() string { return field() + "." + maskNames[member] }
		if member == 0 {
			r.bytesOrAddress(kind, at)
			return
		}
		r.kept(kind, at)
	})
}

// bytesOrAddress reads a picture that is base64, a data URL or an address.
func (r *reader) bytesOrAddress(kind wire.Kind, field func() string) {
	if kind != wire.String {
		r.address(kind, field, dialects.Image)
		return
	}
	r.bytesOf(kind, field, dialects.Image)
}
