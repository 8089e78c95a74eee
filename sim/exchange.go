package sim

import (
	"crypto/subtle"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// reply is what a vendor is about to send.
type reply struct {
	status int
	header http.Header
	body   []byte  // of a unary reply
	stream *stream // if it streams; then body is not used
}

func (r *reply) set(name, value string) {
	if r.header == nil {
		r.header = http.Header{}
	}
	r.header.Set(name, value)
}

// exchange is one call while it is answered.
type exchange struct {
	sim    *Sim
	vendor *vendor
	w      http.ResponseWriter
	r      *http.Request
	rec    *Record
	route  route
	fault  Fault
	id     *dice // mints what is unique to this call
	began  time.Time
	model  string
}

// serveVendor answers one call as v would, path being the path that v sees.
func (s *Sim) serveVendor(w http.ResponseWriter, r *http.Request, v *vendor, path string) {
	now := s.opts.Now()
	x := &exchange{sim: s, vendor: v, w: w, r: r, began: now, route: v.route(path),
		rec: s.log.begin(r, v.Name, now), id: diceFor("call", strconv.FormatUint(s.ids.Add(1), 10))}
	x.model = x.route.model
	defer func() { // also when the reply is broken off with a panic for net/http
		s.log.update(x.rec, func(rec *Record) {
			if rec.EndedAt.IsZero() {
				rec.EndedAt = s.opts.Now()
			}
		})
	}()
	stop := x.watch()
	defer stop()

	if f, label := s.faults.pick(sighting{v.Name, path, x.model, x.route.streams}, true); label != "" {
		x.applied(f, label)
		// Else net/http reads on for the body before it lets the reply out; HTTP/2 needs no such leave and has none.
		_ = http.NewResponseController(w).EnableFullDuplex()
		x.deliver(x.faulty(&reply{}))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.opts.MaxBodyBytes))
	s.log.update(x.rec, func(rec *Record) {
		rec.Body, rec.BodySHA256, rec.BodyAt = body, hashText(body), s.opts.Now()
	})
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &tooBig):
		x.deliver(v.refuse(tooLarge(s.opts.MaxBodyBytes)))
		return
	case err != nil:
		return // the caller broke off while it sent the body; nobody is left to answer
	}
	var parsed any
	var bad error
	if r.Method == http.MethodPost {
		parsed, bad = parse(body)
	}
	asked, _ := parsed.(object)
	if !x.route.deployment && !x.route.vertex && x.route.op != opModel && x.route.op != opConverse && x.vendor.Kind != Gemini {
		x.model = asked.text("model")
	}
	s.log.update(x.rec, func(rec *Record) { rec.Model = x.model })
	streams, _ := asked.get("stream")
	if f, label := s.faults.pick(sighting{v.Name, path, x.model, streams == true || x.route.gemini.method == "streamGenerateContent" || x.route.streams}, false); label != "" {
		x.applied(f, label)
	}
	if x.fault.Status != 0 || x.fault.Redirect != "" || x.fault.ResetBeforeHeader {
		x.deliver(x.faulty(&reply{}))
		return
	}
	x.deliver(x.faulty(x.answer(path, parsed, bad)))
}

func (x *exchange) applied(f Fault, label string) {
	x.fault = f
	x.sim.log.update(x.rec, func(rec *Record) { rec.Fault = label })
}

// faulty puts what the fault says of status, headers and body in place of rep's.
func (x *exchange) faulty(rep *reply) *reply {
	f := x.fault
	switch {
	case f.Redirect != "":
		rep = &reply{status: http.StatusTemporaryRedirect, body: []byte{}}
		rep.set("Location", f.Redirect)
	case f.Status != 0:
		rep = x.refusal(f.Status)
	}
	if f.Body != "" {
		rep.body, rep.stream = []byte(f.Body), nil
		if rep.status == 0 {
			rep.status = http.StatusOK
		}
	}
	for name, value := range f.Headers {
		rep.set(name, value)
	}
	return rep
}

// answer is what the vendor says when nothing goes wrong with it.
func (x *exchange) answer(path string, body any, bad error) *reply {
	v := x.vendor
	if x.route.op == opConverse {
		return x.converse(body, bad)
	}
	if v.Kind == Gemini {
		return x.gemini(path, body, bad)
	}
	if v.Kind == Anthropic {
		return x.anthropic(path, body, bad)
	}
	if x.route.op == opNone {
		return v.refuse(v.noSuchRoute(x.r.Method, path))
	}
	want := http.MethodPost
	if x.route.op == opModels || x.route.op == opModel {
		want = http.MethodGet
	}
	if e := x.authorize(); e != nil {
		return v.refuse(e)
	}
	if x.r.Method != want {
		rep := v.refuse(wrongMethod(x.r.Method, path))
		rep.set("Allow", want)
		return rep
	}
	if (x.route.deployment || x.route.dated) && x.r.URL.Query().Get("api-version") == "" {
		return v.refuse(v.noSuchRoute(x.r.Method, path))
	}
	switch x.route.op {
	case opModels:
		return v.listModels()
	case opModel:
		return v.getModel(x.route.model)
	}
	if bad != nil {
		return v.refuse(notJSON(bad))
	}
	asked, ok := body.(object)
	if !ok {
		return v.refuse(wrongType("body", "an object", body))
	}
	m, e := x.find(asked)
	if e != nil {
		return v.refuse(e)
	}
	if x.route.op == opEmbeddings {
		return x.embeddings(asked, m)
	}
	if x.route.op == opResponses || x.route.op == opInputTokens {
		return x.responses(asked, m)
	}
	return x.chat(asked, m)
}

// authorize checks the credential as the vendor does.
func (x *exchange) authorize() *apiError {
	given, _ := strings.CutPrefix(x.r.Header.Get("Authorization"), "Bearer ")
	if x.vendor.Kind == Azure {
		if key := x.r.Header.Get("Api-Key"); key != "" {
			given = key
		}
	}
	want := x.vendor.Key
	switch {
	case want == "" && (given != "" || x.vendor.Kind == Compatible):
		return nil
	case want != "" && subtle.ConstantTimeCompare([]byte(given), []byte(want)) == 1:
		return nil
	}
	return x.vendor.unauthorized(given)
}

// find gives the model that a body or a deployment's path asks for, if it does what the path wants.
func (x *exchange) find(asked object) (Model, *apiError) {
	id := x.route.model
	if !x.route.deployment {
		name, _ := asked.get("model")
		switch name := name.(type) {
		case string:
			id = name
		case nil:
			return Model{}, &apiError{status: 400, typ: "invalid_request_error", message: "you must provide a model parameter"}
		default:
			return Model{}, wrongType("model", "a string", name)
		}
	}
	m, ok := x.vendor.model(id)
	if !ok {
		return Model{}, x.vendor.noSuchModel(id)
	}
	if m.Embeds != (x.route.op == opEmbeddings) {
		return Model{}, &apiError{status: 400, typ: "invalid_request_error", code: "OperationNotSupported",
			message: "The operation does not work with the model " + id + ". Choose a different model."}
	}
	return m, nil
}

func (v *vendor) listModels() *reply {
	list := []object{}
	for _, m := range v.Models {
		list = append(list, v.describe(m))
	}
	return &reply{status: http.StatusOK, body: encode(object{{"object", "list"}, {"data", list}})}
}

func (v *vendor) getModel(id string) *reply {
	m, ok := v.model(id)
	if !ok {
		e := v.noSuchModel(id)
		if v.Kind == OpenAI {
			e.param = "model"
		}
		return v.refuse(e)
	}
	return &reply{status: http.StatusOK, body: encode(v.describe(m))}
}

func (v *vendor) describe(m Model) object {
	owner := map[Kind]string{OpenAI: "system", Azure: "system", Bedrock: "system"}[v.Kind]
	if owner == "" {
		owner = "simulated"
	}
	return object{{"id", m.ID}, {"object", "model"}, {"created", 1700000000}, {"owned_by", owner}}
}
