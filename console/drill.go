package console

import (
	"net/http"
	"time"

	"bulkhead/catalog"
	"bulkhead/control"
	"bulkhead/drill"
	"bulkhead/fault"
)

// NewDrill asks for a live drill. What it gives, and what is given of any drill,
// is a [drill.Report].
type NewDrill struct {
	Withdraw  []string     `json:"withdraw"` // kind=name
	Workloads []string     `json:"workloads"`
	For       string       `json:"for"` // such as 10m
	Reason    string       `json:"reason"`
	Document  string       `json:"document"`
	Approver  string       `json:"approver"`
	Stop      drill.Limits `json:"stop"`
}

// DrillRows are all live drills, the oldest first.
type DrillRows struct {
	Drills []drill.Report `json:"drills"`
}

func (s commands) startDrill(w http.ResponseWriter, r *http.Request) {
	var ask NewDrill
	if f := readJSON(w, r, &ask); f != nil {
		writeFault(w, f)
		return
	}
	made, err := s.drill(r, ask)
	if err != nil {
		writeFault(w, fault.From(err))
		return
	}
	writeJSON(w, http.StatusCreated, made)
}

func (s commands) drill(r *http.Request, ask NewDrill) (made drill.Report, err error) {
	x := control.NewDrill{Workloads: ask.Workloads, Reason: ask.Reason, Document: ask.Document, Approver: ask.Approver, Stop: ask.Stop}
	if x.For, err = time.ParseDuration(ask.For); err != nil {
		return made, fault.New(fault.Malformed, "%q is no time such as 10m.", ask.For).At("for")
	}
	for _, text := range ask.Withdraw {
		what, err := catalog.ParseSelector(text)
		if err != nil {
			return made, fault.New(fault.Malformed, "What is withdrawn: %v.", err).At("withdraw")
		}
		x.Withdraw = append(x.Withdraw, what)
	}
	return s.control.StartDrill(r.Context(), caller(r), x)
}

func (s commands) listDrills(w http.ResponseWriter, r *http.Request) {
	list, err := s.control.ListDrills(r.Context())
	if err != nil {
		writeFault(w, fault.From(err))
		return
	}
	writeJSON(w, http.StatusOK, DrillRows{append([]drill.Report{}, list...)})
}

func (s commands) showDrill(w http.ResponseWriter, r *http.Request) {
	report, err := s.control.DrillReport(r.Context(), r.PathValue("id"))
	writeReport(w, report, err)
}

func (s commands) stopDrill(w http.ResponseWriter, r *http.Request) {
	report, err := s.control.StopDrill(r.Context(), caller(r), r.PathValue("id"))
	writeReport(w, report, err)
}

// writeReport writes a report to the byte as it is kept, so that its digest is
// that on the record.
func writeReport(w http.ResponseWriter, report []byte, err error) {
	if err != nil {
		writeFault(w, fault.From(err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(report)
}
