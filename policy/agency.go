package policy

import (
	_ "embed"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"strconv"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"

	"bulkhead/catalog"
)

//go:embed schema.cedarschema
var schemaText string

// Schema is the Cedar schema against which the agency's policies are checked.
func Schema() string { return schemaText }

// agency is the agency's own policies, made ready.
type agency struct {
	always ordered // read no time
	timed  ordered // read the time, so that nothing of them is remembered
	world  types.EntityMap
	engine *Engine
}

// ordered are policies in the order in which they are written.
type ordered []written

// written is one policy and its place.
type written struct {
	id     cedar.PolicyID
	policy *cedar.Policy
	source catalog.Source
}

// All yields them in order.
func (o ordered) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for i := range o {
			if !yield(o[i].id, o[i].policy) {
				return
			}
		}
	}
}

func (o ordered) at(id cedar.PolicyID) catalog.Source {
	for i := range o {
		if o[i].id == id {
			return o[i].source
		}
	}
	return catalog.Source{}
}

// compilePolicies reads the agency's policies and holds them against the
// schema; without any it gives nil.
func (c *compiler) compilePolicies(e *catalog.Estate) *agency {
	var all ordered
	seen := map[cedar.PolicyID]catalog.Source{}
	for _, f := range e.Policies {
		list, err := cedar.NewPolicyListFromBytes(f.Name, []byte(f.Text))
		if err != nil {
			c.notCedar(f.Name, err)
			continue
		}
		for _, p := range list {
			at := catalog.Source{File: f.Name, Line: p.Position().Line}
			w := written{cedar.PolicyID(fmt.Sprintf("%s:%d:%d", f.Name, at.Line, p.Position().Column)), p, at}
			if id, ok := p.Annotations()["id"]; ok {
				w.id = cedar.PolicyID(id)
			}
			if before, taken := seen[w.id]; taken {
				c.problem(at, "give one of them another @id", fmt.Sprintf("policy %q stands already at %s:%d", w.id, before.File, before.Line))
				continue
			}
			seen[w.id] = at
			all = append(all, w)
		}
	}
	if len(all) == 0 {
		return nil
	}
	check, err := validator()
	if err != nil {
		panic("policy: the embedded schema: " + err.Error())
	}
	out := &agency{world: worldOf(c.Engine), engine: c.Engine}
	for _, w := range all {
		tree := (*ast.Policy)(w.policy.AST())
		if err := check.Policy(string(w.id), tree); err != nil {
			c.problem(w.source, "docs/policy.md has what policies can name",
				fmt.Sprintf("policy %q: %s", w.id, strings.TrimPrefix(oneLine(err), "for policy `"+string(w.id)+"`, ")))
		}
		if readsTime(tree) {
			out.timed = append(out.timed, w)
		} else {
			out.always = append(out.always, w)
		}
	}
	return out
}

// parseError is how the parser tells the place; it knows no file names.
var parseError = regexp.MustCompile(`parse error at <input>:(\d+):(\d+) (.*)$`)

// notCedar is the problem of a file that cannot be read as policies.
func (c *compiler) notCedar(file string, err error) {
	p := Problem{Source: catalog.Source{File: file, Line: 1}, Column: 1, Message: "is not Cedar: " + oneLine(err), Hint: "mend the policy; docs/policy.md has examples"}
	if m := parseError.FindStringSubmatch(oneLine(err)); m != nil {
		p.Source.Line, _ = strconv.Atoi(m[1])
		p.Column, _ = strconv.Atoi(m[2])
		p.Message = "is not Cedar here: " + m[3]
	}
	c.problems = append(c.problems, p)
}

func validator() (*validate.Validator, error) {
	var s schema.Schema
	s.SetFilename("schema.cedarschema")
	if err := s.UnmarshalCedar([]byte(schemaText)); err != nil {
		return nil, err
	}
	resolved, err := s.Resolve()
	if err != nil {
		return nil, err
	}
	return validate.New(resolved), nil
}

// readsTime reports whether a policy can see the time: it looks at anything of
// the context but the call.
func readsTime(p *ast.Policy) bool {
	reads := false
	for _, cond := range p.Conditions {
		ast.Inspect(ast.NewNode(cond.Body), func(n ast.IsNode) bool {
			switch n := n.(type) {
			case ast.NodeTypeAccess:
				if isContext(n.Arg) {
					reads = reads || n.Value != "call"
					return false
				}
			case ast.NodeTypeHas:
				if isContext(n.Arg) {
					reads = reads || n.Value != "call"
					return false
				}
			case ast.NodeTypeVariable:
				reads = reads || n.Name == "context"
			}
			return true
		})
	}
	return reads
}

func isContext(n ast.IsNode) bool {
	v, ok := n.(ast.NodeTypeVariable)
	return ok && v.Name == "context"
}

// agencyPolicy is the last of the rules: what the agency's own policies say.
func agencyPolicy(c *cell) {
	if g := c.engine.agency; g != nil {
		g.hold(c, g.always)
	}
}

// hold asks policies, notes each that forbids or fails, and whether one permits.
func (g *agency) hold(c *cell, policies ordered) {
	if len(policies) == 0 {
		return
	}
	req := c.ask.request.at(c.offering.Offering)
	decision, diag := cedar.Authorize(policies, c.ask.request, req)
	for _, e := range diag.Errors {
		c.forbid(policies.at(e.PolicyID), "the agency's policy %s cannot be evaluated for this call, which denies", e.PolicyID)
	}
	if decision == cedar.Allow {
		c.agreed = true
		return
	}
	for _, r := range diag.Reasons {
		c.forbid(policies.at(r.PolicyID), "the agency's policy %s forbids it", r.PolicyID)
	}
}

// withTimed gives the verdict with what policies that read the time say now.
func (e *Engine) withTimed(a *ask, v *verdict) *verdict {
	out := *v
	out.cells = make([]judged, len(v.cells))
	for i, j := range v.cells {
		out.cells[i] = e.timedSay(a, j)
	}
	return &out
}

func (e *Engine) timedSay(a *ask, j judged) judged {
	c := cell{engine: e, ask: a, offering: &e.offerings[j.offering.Index], rule: agencyRule, agreed: j.agreed}
	e.agency.hold(&c, e.agency.timed)
	j.reasons, j.agreed = append(j.reasons[:len(j.reasons):len(j.reasons)], c.reasons...), c.agreed
	return j
}

const agencyRule = "agency-policy"

// disagreed adds that no policy permits the offering, if there are policies and
// none does.
func (e *Engine) disagreed(j judged) judged {
	if e.agency == nil || j.agreed {
		return j
	}
	for _, r := range j.reasons {
		if r.Rule == agencyRule {
			return j
		}
	}
	c := cell{engine: e, offering: &e.offerings[j.offering.Index], rule: agencyRule}
	c.forbid(catalog.Source{}, "the agency has policies, and none of them permits it")
	j.reasons = append(j.reasons[:len(j.reasons):len(j.reasons)], c.reasons...)
	return j
}

// finish gives all that is to say of an offering now.
func (e *Engine) finish(a *ask, j judged) judged {
	if e.agency != nil {
		j = e.timedSay(a, j)
	}
	return e.disagreed(j)
}

// oneLine gives the first line of an error, or of the errors it joins.
func oneLine(err error) string {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		var all []string
		for _, e := range joined.Unwrap() {
			all = append(all, oneLine(e))
		}
		return strings.Join(all, "; ")
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
