package console

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"bulkhead/control"
	"bulkhead/fault"
	"bulkhead/identity"
)

// maxCommandBytes is far above any command.
const maxCommandBytes = 64 << 10

// Commands returns the handler of the control socket. It trusts whoever calls
// it, so it must be reached by nothing but that socket, or by a process that
// owns the data folder itself.
//
//	POST /keys               NewKey → 201 MadeKey
//	GET  /keys               → Keys
//	POST /keys/{id}/revoke   → RevokedKey
//	POST /suspensions        NewSuspension → 201 MadeSuspension
//	GET  /suspensions        → SuspensionRows
//	POST /suspensions/{id}/resume → SuspensionRow
//	POST /drills             NewDrill → 201 drill.Report
//	GET  /drills             → DrillRows
//	GET  /drills/{id}        → drill.Report, as it is kept
//	POST /drills/{id}/stop   → drill.Report, as it is kept
//	POST /reload             Reload → Reloaded
//	GET  /status             → control.Status
func Commands(c *control.Controller) http.Handler {
	s := commands{c, time.Now}
	mux := http.NewServeMux()
	mux.HandleFunc("/keys", byMethod{http.MethodGet: s.listKeys, http.MethodPost: s.createKey}.serve)
	mux.HandleFunc("/keys/{id}/revoke", byMethod{http.MethodPost: s.revokeKey}.serve)
	mux.HandleFunc("/suspensions", byMethod{http.MethodGet: s.listSuspensions, http.MethodPost: s.suspend}.serve)
	mux.HandleFunc("/suspensions/{id}/resume", byMethod{http.MethodPost: s.resume}.serve)
	mux.HandleFunc("/drills", byMethod{http.MethodGet: s.listDrills, http.MethodPost: s.startDrill}.serve)
	mux.HandleFunc("/drills/{id}", byMethod{http.MethodGet: s.showDrill}.serve)
	mux.HandleFunc("/drills/{id}/stop", byMethod{http.MethodPost: s.stopDrill}.serve)
	mux.HandleFunc("/reload", byMethod{http.MethodPost: s.reload}.serve)
	mux.HandleFunc("/status", byMethod{http.MethodGet: s.status}.serve)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeFault(w, fault.New(fault.NoSuchRoute, "There is no such command. Use a bulkhead of the same version as the server."))
	})
	return plain(mux)
}

type commands struct {
	control *control.Controller
	now     func() time.Time
}

// byMethod serves a path by method, and tells the others in JSON.
type byMethod map[string]http.HandlerFunc

func (m byMethod) serve(w http.ResponseWriter, r *http.Request) {
	if serve, ok := m[r.Method]; ok {
		serve(w, r)
		return
	}
	allow := ""
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		if _, ok := m[method]; ok && allow == "" {
			allow = method
		} else if ok {
			allow += ", " + method
		}
	}
	refuseMethod(w, allow, "Use "+allow+" here.")
}

func (s commands) createKey(w http.ResponseWriter, r *http.Request) {
	var ask NewKey
	if f := readJSON(w, r, &ask); f != nil {
		writeFault(w, f)
		return
	}
	made, err := s.create(r, ask)
	if err != nil {
		writeFault(w, fault.From(err))
		return
	}
	writeJSON(w, http.StatusCreated, made)
}

func (s commands) create(r *http.Request, ask NewKey) (made MadeKey, err error) {
	var until control.Until // nil: the default
	switch ask.Expires {
	case "":
	case "never":
		until = control.At(time.Time{})
	default:
		at, err := time.Parse(time.RFC3339, ask.Expires)
		if until = control.At(at); err != nil || at.IsZero() {
			return made, fault.New(fault.Malformed, "%q is no instant such as 2027-01-31T00:00:00Z, nor never.", ask.Expires).At("expires")
		}
	}
	switch ask.Kind {
	case "", "bearer":
		made.Key, made.ID, err = s.control.CreateKey(r.Context(), caller(r), ask.Workload, ask.Note, until)
	case "aws":
		var pair identity.AccessKey
		pair, made.ID, err = s.control.CreateAccessKey(r.Context(), caller(r), ask.Workload, ask.Note, until)
		made.AccessKeyID, made.SecretAccessKey = pair.ID, string(pair.Secret)
	default:
		err = fault.New(fault.Malformed, "There is no kind of key %q; write bearer or aws.", ask.Kind).At("kind")
	}
	return made, err
}

func (s commands) listKeys(w http.ResponseWriter, r *http.Request) {
	keys, err := s.control.ListKeys(r.Context())
	if err != nil {
		writeFault(w, fault.From(err))
		return
	}
	now := s.now()
	all := Keys{Keys: []KeyRow{}}
	for _, key := range keys {
		all.Keys = append(all.Keys, row(key, now))
	}
	writeJSON(w, http.StatusOK, all)
}

func row(key identity.Key, now time.Time) KeyRow {
	r := KeyRow{ID: key.ID, Workload: key.Workload, Note: key.Note, Kind: "bearer", State: "active", Created: key.Created}
	if key.Signs {
		r.Kind = "aws"
	}
	if !key.Expires.IsZero() {
		r.Expires = &key.Expires
	}
	switch {
	case !key.Revoked.IsZero():
		r.State, r.Revoked = "revoked", &key.Revoked
	case !key.Holds(now):
		r.State = "expired"
	}
	return r
}

func (s commands) revokeKey(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if err := s.control.RevokeKey(r.Context(), caller(r), id); err != nil {
		writeFault(w, fault.From(err))
		return
	}
	writeJSON(w, http.StatusOK, RevokedKey{ID: id})
}

func (s commands) reload(w http.ResponseWriter, r *http.Request) {
	var ask Reload
	if f := readJSON(w, r, &ask); f != nil {
		writeFault(w, f)
		return
	}
	old, now, err := s.control.Reload(r.Context(), caller(r), ask.Digest)
	if err != nil {
		writeFault(w, fault.From(err))
		return
	}
	writeJSON(w, http.StatusOK, Reloaded{Old: old, New: now})
}

func (s commands) status(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, s.control.Status(r.Context()))
}

// readJSON reads a command strictly: a field that nobody reads would be a wish
// that silently came to nothing.
func readJSON(w http.ResponseWriter, r *http.Request, into any) *fault.Fault {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCommandBytes))
	if large := new(http.MaxBytesError); errors.As(err, &large) {
		return fault.New(fault.TooLarge, "A command has at most %d bytes.", maxCommandBytes)
	}
	if err == nil {
		err = json.Unmarshal(b, into, json.RejectUnknownMembers(true))
	}
	if err != nil {
		return fault.New(fault.Malformed, "The command cannot be read. Use a bulkhead of the same version as the server.").Because(err)
	}
	return nil
}
