package sim

import (
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// controlPrefix begins the paths by which the vendors are steered and asked what they saw. It needs no key: the
// listener is on loopback and holds nothing real.
const controlPrefix = "/_sim/"

// serveControl answers the control paths and says whether r was for one.
func (s *Sim) serveControl(w http.ResponseWriter, r *http.Request) bool {
	name, ok := strings.CutPrefix(r.URL.Path, controlPrefix)
	if !ok {
		return false
	}
	switch name + " " + r.Method {
	case "faults GET":
		writeControl(w, http.StatusOK, rulesJSON(s.Faults()))
	case "faults POST", "faults PUT":
		s.postFaults(w, r)
	case "faults DELETE":
		s.faults.set(nil)
		w.WriteHeader(http.StatusNoContent)
	case "record GET":
		records := s.Record()
		list := make([]object, len(records))
		for i, rec := range records {
			list[i] = rec.wire()
		}
		writeControlValue(w, http.StatusOK, list)
	case "record DELETE":
		s.ClearRecord()
		w.WriteHeader(http.StatusNoContent)
	case "count GET":
		by := object{}
		for _, v := range s.vendors {
			by = append(by, member{v.Name, s.Count(v.Name)})
		}
		writeControlValue(w, http.StatusOK, object{{"count", s.Count("")}, {"vendors", by}})
	case "vendors GET":
		writeControlValue(w, http.StatusOK, s.vendorList("http://"+r.Host))
	default:
		writeControlError(w, http.StatusNotFound, "no such control; there are: GET POST DELETE /_sim/faults, GET DELETE /_sim/record, GET /_sim/count, GET /_sim/vendors")
	}
	return true
}

// postFaults replaces the rules by the list in the body.
func (s *Sim) postFaults(w http.ResponseWriter, r *http.Request) {
	rules, err := ReadRules(http.MaxBytesReader(w, r.Body, 1<<20))
	if err == nil {
		err = s.SetFaults(rules)
	}
	if err != nil {
		writeControlError(w, http.StatusBadRequest, err.Error())
		return
	}
	writeControl(w, http.StatusOK, rulesJSON(s.Faults()))
}

func (s *Sim) vendorList(root string) []object {
	list := make([]object, len(s.vendors))
	for i, v := range s.vendors {
		var ids []string
		for _, m := range v.Models {
			ids = append(ids, m.ID)
		}
		list[i] = object{{"vendor", v.Name}, {"kind", string(v.Kind)}, {"base_url", s.BaseURL(root, v.Name)}, {"models", ids}}
	}
	return list
}

func writeControlValue(w http.ResponseWriter, status int, v any) {
	text := jsontext.Value(encode(v))
	if err := text.Indent(); err != nil {
		panic("indent what was just encoded: " + err.Error())
	}
	writeControl(w, status, text)
}

func writeControl(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(body, '\n'))
}

func writeControlError(w http.ResponseWriter, status int, message string) {
	writeControl(w, status, encode(object{{"error", message}}))
}
