package policy

import (
	"strings"

	"github.com/cedar-policy/cedar-go"
	cedarast "github.com/cedar-policy/cedar-go/ast"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/eval"

	"bulkhead/call"
	"bulkhead/catalog"
)

// Condition is what remains of a policy of the agency once workload, marking,
// purpose, action and offering are known.
type Condition struct {
	Policy  string // its id
	Forbids bool   // else it permits
	Text    string // the rest, as Cedar
	Source  catalog.Source
}

// Leaning is what the agency's policies say while the caller, the rest of the
// call and the time are open.
type Leaning struct {
	Forbidden bool // whatever the rest is: a policy forbids, or can only fail
	Permitted bool // a policy permits, whatever the rest is; true if there are no policies
	Rest      []Condition
}

// Lean evaluates the agency's policies as far as they can be without a call:
// of the question it reads workload, purpose, label and action alone.
func (e *Engine) Lean(q Question, o *catalog.Offering) Leaning {
	w := e.workloads[q.Workload]
	if e.agency == nil || w == nil {
		return Leaning{Permitted: e.agency == nil}
	}
	a := &ask{Question: q, workload: w, purpose: q.purpose(), now: q.Now, content: contentOf(q.Label)}
	open := e.agency.open(a)
	open.call.Attributes = open.with(types.RecordMap{"marking": a.content.record(q.Label), "purpose": str(a.purpose)})
	var out Leaning
	for _, list := range []ordered{e.agency.always, e.agency.timed} {
		for i := range list {
			out.take(&list[i], open, o)
		}
	}
	return out
}

func (l *Leaning) take(w *written, open *request, o *catalog.Offering) {
	tree := (*ast.Policy)(w.policy.AST())
	rest, kept := open.reduce(tree, o)
	forbids := tree.Effect == ast.EffectForbid
	switch {
	case !kept:
	case settled(rest) && forbids, fails(rest):
		l.Forbidden = true
	case settled(rest):
		l.Permitted = true
	default:
		text := cedar.NewPolicyFromAST((*cedarast.Policy)(rest)).MarshalCedar()
		l.Rest = append(l.Rest, Condition{string(w.id), forbids, strings.TrimSpace(string(text)), w.source})
	}
}

// Idle lists the agency's policies that no call of any workload to any offering
// of the estate can come under.
func (e *Engine) Idle() []Condition {
	if e.agency == nil {
		return nil
	}
	var out []Condition
	for _, list := range []ordered{e.agency.always, e.agency.timed} {
		for i := range list {
			tree := (*ast.Policy)(list[i].policy.AST())
			if !e.applies(tree) {
				out = append(out, Condition{Policy: string(list[i].id), Forbids: tree.Effect == ast.EffectForbid,
					Text: strings.TrimSpace(string(list[i].policy.MarshalCedar())), Source: list[i].source})
			}
		}
	}
	return out
}

func (e *Engine) applies(tree *ast.Policy) bool {
	for _, name := range sortedKeys(e.estate.Workloads) {
		for _, action := range []call.Action{call.Chat, call.Embeddings} {
			w := e.workloads[e.estate.Workloads[name]]
			open := e.agency.open(&ask{Question: Question{Action: action}, workload: w})
			for i := range e.offerings {
				if _, kept := open.reduce(tree, e.offerings[i].Offering); kept {
					return true
				}
			}
		}
	}
	return false
}

// open is a request of which only the workload and the action are known.
func (g *agency) open(a *ask) *request {
	r := &request{world: g.world, action: uid("Action", string(a.Action))}
	w := uid("Workload", a.workload.Name)
	r.principal = types.Entity{UID: uid("Service", ""), Parents: types.NewEntityUIDSet(w),
		Attributes: types.NewRecord(types.RecordMap{"workload": w})}
	r.call = types.Entity{UID: uid("Call", "this")}
	r.call.Attributes = r.with(nil)
	r.context = types.NewRecord(types.RecordMap{"call": r.call.UID, "now": eval.Variable("now")})
	return r
}

// with gives the attributes of a call of which only some are known.
func (r *request) with(known types.RecordMap) types.Record {
	all := types.RecordMap{}
	for _, name := range []types.String{"alias", "purpose", "dialect", "marking", "capabilities", "modalities"} {
		all[name] = eval.Variable(name)
		if v, ok := known[name]; ok {
			all[name] = v
		}
	}
	return types.NewRecord(all)
}

// reduce evaluates a policy as far as the request goes; kept is false if it
// cannot come to hold.
func (r *request) reduce(p *ast.Policy, o *catalog.Offering) (rest *ast.Policy, kept bool) {
	env := eval.Env{Entities: r, Principal: r.principal.UID, Action: r.action, Resource: uid("Offering", o.Name), Context: r.context}
	if looksAtCaller(p) {
		env.Principal = eval.Variable("principal")
	}
	return eval.PartialPolicy(env, p)
}

// settled reports whether nothing of a reduced policy is open.
func settled(p *ast.Policy) bool {
	_, anyone := p.Principal.(ast.ScopeTypeAll)
	return anyone && len(p.Conditions) == 0
}

// fails reports whether a reduced policy can only fail.
func fails(p *ast.Policy) bool {
	if _, anyone := p.Principal.(ast.ScopeTypeAll); !anyone || len(p.Conditions) != 1 {
		return false
	}
	_, failed := eval.ToPartialError(p.Conditions[0].Body)
	return failed
}

// looksAtCaller reports whether a policy looks at more of its principal than the
// workload.
func looksAtCaller(p *ast.Policy) bool {
	switch s := p.Principal.(type) {
	case ast.ScopeTypeEq, ast.ScopeTypeIs, ast.ScopeTypeIsIn:
		return true
	case ast.ScopeTypeIn:
		if ofCaller(s.Entity) {
			return true
		}
	}
	looks := false
	for _, c := range p.Conditions {
		ast.Inspect(ast.NewNode(c.Body), func(n ast.IsNode) bool {
			switch n := n.(type) {
			case ast.NodeTypeAccess:
				looks = looks || isPrincipal(n.Arg) && n.Value != "workload"
			case ast.NodeTypeHas:
				looks = looks || isPrincipal(n.Arg)
			case ast.NodeTypeIs:
				looks = looks || isPrincipal(n.Left)
			case ast.NodeTypeIsIn:
				looks = looks || isPrincipal(n.Left)
			case ast.NodeTypeEquals:
				looks = looks || isPrincipal(n.Left) || isPrincipal(n.Right)
			case ast.NodeTypeNotEquals:
				looks = looks || isPrincipal(n.Left) || isPrincipal(n.Right)
			case ast.NodeValue:
				id, ok := n.Value.(types.EntityUID)
				looks = looks || ok && ofCaller(id)
			}
			return true
		})
	}
	return looks
}

func isPrincipal(n ast.IsNode) bool {
	v, ok := n.(ast.NodeTypeVariable)
	return ok && v.Name == "principal"
}

// ofCaller reports whether an entity is a service or a person.
func ofCaller(id types.EntityUID) bool {
	return id.Type == "Bulkhead::Service" || id.Type == "Bulkhead::Person"
}
