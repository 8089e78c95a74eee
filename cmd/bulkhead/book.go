package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"bulkhead/catalog"
	"bulkhead/control"
	"bulkhead/drill"
	"bulkhead/ledger"
)

// openBook opens the ledger of a data folder that this process owns, or makes
// it for an enclave. A log belongs to one enclave: that of another is not opened.
// ready is given what the log will be opened with, and may add to it.
func openBook(data string, e *catalog.Estate, ready func(*ledger.Options) error) (*ledger.Log, error) {
	origin := originOf(&e.Enclave)
	switch has, err := ledger.OriginOf(data); {
	case err != nil:
		return nil, err
	case has != "" && has != origin:
		return nil, fmt.Errorf("the ledger in %s is %s, of another enclave than %s; give this one a data folder of its own with --data", data, has, e.Enclave.Name)
	}
	keys, err := ledger.LoadKeys(data, origin, e.Enclave.Crypto == "cnsa1")
	if err != nil {
		return nil, err
	}
	o := ledger.Options{Origin: origin, Keys: keys, Program: "bulkhead " + release}
	if o.Marking, o.Banner, err = markingOfBook(e); err != nil {
		return nil, err
	}
	if err := ready(&o); err != nil {
		return nil, err
	}
	return ledger.Open(data, o)
}

// reopenBook opens the ledger of a data folder for a command that may know no enclave.
func reopenBook(data string, e *catalog.Estate) (*ledger.Log, error) {
	if e != nil {
		return openBook(data, e, func(*ledger.Options) error { return nil })
	}
	origin, err := ledger.OriginOf(data)
	if err != nil {
		return nil, err
	}
	keys, err := ledger.ReadKeys(data, origin)
	if err != nil {
		return nil, err
	}
	return ledger.Open(data, ledger.Options{Origin: origin, Keys: keys, Program: "bulkhead " + release})
}

// originOf is the name of an enclave's log.
func originOf(e *catalog.Enclave) string { return e.Name + ".ledger.bulkhead" }

// markingOfBook is the ledger's own marking: what the enclave says of it, or the
// highest that the enclave may hold, since nobody has looked at what it records.
func markingOfBook(e *catalog.Estate) (ledger.JSON, string, error) {
	ceiling := e.Enclave.Ceiling
	text := e.Enclave.Ledger.Marking
	if text == "" {
		text = ceiling.Banner
	}
	if text == "" {
		text = ceiling.Clearance
		switch {
		case len(ceiling.Readins) > 0:
			text += "//" + strings.Join(ceiling.Readins, "/")
		case text == "U" && (ceiling.CUI.Any || len(ceiling.CUI.Items) > 0):
			text = "CUI"
		}
	}
	r := e.Register()
	reading := r.Read(text)
	if !reading.Valid() {
		return ledger.JSON{}, "", fmt.Errorf("%q, of the enclave's ledger or its ceiling, is no marking for its ledger", text)
	}
	label := r.Label(reading.Mark)
	b, err := json.Marshal(label)
	if err != nil {
		return ledger.JSON{}, "", err
	}
	form, err := ledger.Canonical(b)
	return form, r.Banner(label), err
}

// entryOf is a change as the ledger has it.
func entryOf(c control.Change, estate string) (*ledger.Change, error) {
	out := &ledger.Change{By: c.Who, Via: c.Via, Estate: estate}
	switch c.What {
	case "key_create":
		out.What, out.Action, out.Name = "key", "created", c.Key
	case "key_revoke":
		out.What, out.Action, out.Name = "key", "revoked", c.Key
	case "suspend":
		out.What, out.Action, out.Name = "suspension", "suspended", c.Suspension.ID
	case "resume":
		out.What, out.Action, out.Name = "suspension", "lifted", c.Suspension.ID
	case "drill_start":
		out.What, out.Action, out.Name = "drill", "started", c.Drill.ID
	case "drill_end":
		out.What, out.Action, out.Name = "drill", string(c.Drill.Outcome), c.Drill.ID
	default:
		return nil, fmt.Errorf("a change %q has no form on the record", c.What)
	}
	var detail any
	switch {
	case c.Drill != nil:
		detail = drillDetail(c.Drill, c.Digest)
	case c.Suspension != nil:
		detail = suspensionDetail(c.Suspension)
	case c.Workload != "":
		detail = map[string]string{"workload": c.Workload}
	}
	if detail != nil {
		b, err := json.Marshal(detail)
		if err != nil {
			return nil, err
		}
		if out.Detail, err = ledger.Canonical(b); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// recordAlone puts a change on the record of a data folder that a command owns
// while no server runs.
func recordAlone(ctx context.Context, data string, at offline, c control.Change) (int64, error) {
	entry, err := entryOf(c, "")
	if err != nil {
		return 0, err
	}
	log, err := reopenBook(data, at.estate)
	if err != nil {
		return 0, err
	}
	index, err := log.Change(ctx, entry)
	return index, errors.Join(err, log.Close(context.WithoutCancel(ctx)))
}

// suspensionDetail is what the record keeps of a suspension.
func suspensionDetail(x *catalog.Suspension) any {
	instant := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339Nano)
	}
	return struct {
		Of       string   `json:"of"`
		Reason   string   `json:"reason"`
		Document string   `json:"document"`
		Cut      bool     `json:"cut"`
		From     string   `json:"from"`
		Exempt   []string `json:"exempt,omitempty"`
		Approver string   `json:"approver,omitempty"`
		Until    string   `json:"exempt_until,omitempty"`
		Only     []string `json:"only,omitempty"`
		Ends     string   `json:"ends,omitempty"`
		Drill    string   `json:"drill,omitempty"`
		Lifted   string   `json:"lifted,omitempty"`
	}{x.What.String(), x.Reason, x.Document, x.Cut, instant(x.From), x.Exempt, x.Approver, instant(x.Until), x.Only, instant(x.Ends), x.Drill, instant(x.Lifted)}
}

// drillDetail is what the record keeps of a live drill: at its begin what was agreed, at its end the digest of its report.
func drillDetail(d *drill.Report, digest string) any {
	if digest == "" {
		return struct {
			Withdrawn []string `json:"withdrawn"`
			Workloads []string `json:"workloads"`
			Reason    string   `json:"reason"`
			Document  string   `json:"document"`
			Approver  string   `json:"approver"`
			Until     string   `json:"until"`
			Stop      string   `json:"stop"`
		}{d.Withdrawn, d.Workloads, d.Reason, d.Document, d.Approver, d.Until.UTC().Format(time.RFC3339Nano), d.Stop.String()}
	}
	verdicts := map[string]string{}
	for _, a := range d.Aliases {
		verdicts[a.Workload+"/"+a.Alias] = string(a.Verdict)
	}
	return struct {
		Why      string            `json:"why,omitempty"`
		Verdicts map[string]string `json:"verdicts"`
		Report   string            `json:"report_sha256"`
	}{d.Why, verdicts, digest}
}
