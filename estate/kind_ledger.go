package estate

import (
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"bulkhead/catalog"
)

// ledger is what enclave.yaml says of the record of calls.
type ledger struct {
	at
	Marking text              `key:"marking" form:"marking" doc:"Marking of the ledger itself, with which all that is taken out of it begins and ends" default:"the enclave's ceiling"`
	Copies  list[secondPlace] `key:"copies" doc:"Second places that get the ledger's signed checkpoints, so that a log that was rolled back or rewritten is found" default:"none, of which bulkhead check warns"`
}

// secondPlace is a second place for checkpoints.
type secondPlace struct {
	at
	To         text     `key:"to,required" form:"second_place" doc:"Folder outside the estate and the data folder, absolute or relative to the estate folder, or the https:// address below which checkpoints are put"`
	Every      duration `key:"every" doc:"Least time between two checkpoints there, 1s or more" default:"1m"`
	Auth       copyAuth `key:"auth" hush:"true" doc:"How Bulkhead signs in at an address" default:"not at all"`
	CAFile     text     `key:"ca_file" form:"file" doc:"PEM file with the roots to trust instead of the system's"`
	ClientCert text     `key:"client_cert" form:"file" doc:"PEM file with our certificate for it; needs client_key"`
	ClientKey  text     `key:"client_key" form:"file" doc:"PEM file with its private key, outside the estate folder; needs client_cert"`
	ServerName text     `key:"server_name" form:"host" doc:"Name its certificate must have, if not the address's host"`
}

type copyAuth struct {
	at
	Kind   text `key:"kind,required" enum:"none bearer" doc:"How requests are signed in: not at all, or the secret as Authorization: Bearer"`
	Secret text `key:"secret" form:"secret" doc:"Reference to the secret, env:NAME or file:PATH; needed for bearer"`
}

// leastEvery bounds how often a second place is asked to take a checkpoint:
// they are signed once a second.
const leastEvery = time.Second

// isAddress tells an address from a folder.
func isAddress(to string) bool { return strings.Contains(to, "://") }

// secondPlaceProblem refuses what can be neither folder nor address, and a
// folder that would lie in the estate.
func secondPlaceProblem(s string) (problem, hint string) {
	if isAddress(s) {
		return addressProblem(s)
	}
	if clean := filepath.Clean(s); filepath.IsLocal(clean) {
		return "is a folder in the estate's own", "write one outside it, such as ../ledger-copies, or an absolute one"
	}
	return "", ""
}

// joinLedger gives what the enclave says of its ledger, and faults what cannot be.
func (j *joiner) joinLedger(file string, l ledger) catalog.Ledger {
	out := catalog.Ledger{Marking: l.Marking.V}
	if l.Marking.V != "" {
		j.inDomain(spot{file, l.Marking.at}, "the ledger's marking", j.tables.level(l.Marking.V))
	}
	seen := map[string]bool{}
	for _, c := range l.Copies.Items {
		if c.To.V == "" {
			continue // a fault of its own
		}
		here := spot{file, c.To.at}
		if seen[c.To.V] {
			j.fault(here, Duplicate, "remove one of them", "a copy goes to this place already")
		}
		seen[c.To.V] = true
		out.Copies = append(out.Copies, j.joinCopy(file, c))
	}
	if len(out.Copies) == 0 {
		s := spot{file, l.at}
		if !l.written() {
			s.at = j.enclave.value.Enclave.at
		}
		j.report.Warnings = append(j.report.Warnings, s.remark(Uncopied,
			"write ledger: {copies: [{to: ../ledger-copies}]}, or the https:// address of a place that the owner of the log cannot change",
			"checkpoints of the ledger are copied to no second place; a log that is rolled back or rewritten by who holds its key would not be found"))
	}
	return out
}

func (j *joiner) joinCopy(file string, c secondPlace) catalog.LedgerCopy {
	here := spot{file, c.To.at}
	out := catalog.LedgerCopy{Every: c.Every.V, Source: here.source()}
	if c.Every.written() && c.Every.V > 0 && c.Every.V < leastEvery {
		j.fault(spot{file, c.Every.at}, Impossible, "write 1s or more", "checkpoints are signed once a second, and none can be copied every %s", c.Every.V)
	}
	if !isAddress(c.To.V) {
		out.Folder = c.To.V
		for _, given := range []struct {
			key string
			at
		}{{"auth", c.Auth.at}, {"ca_file", c.CAFile.at}, {"client_cert", c.ClientCert.at}, {"client_key", c.ClientKey.at}, {"server_name", c.ServerName.at}} {
			if given.written() {
				j.fault(spot{file, given.at}, Impossible, "remove it, or write an https:// address in to", "%q is for an address, and this copy goes to a folder", given.key)
			}
		}
		return out
	}
	out.URL, out.Secret, out.CAFile, out.ServerName = c.To.V, c.Auth.Secret.V, c.CAFile.V, c.ServerName.V
	out.Client = catalog.TLSFiles{Cert: c.ClientCert.V, Key: c.ClientKey.V}
	switch {
	case c.Auth.Kind.V == "bearer" && !c.Auth.Secret.written():
		j.fault(spot{file, c.Auth.at}, MissingKey, `add secret: "env:NAME"`, "auth of the kind bearer has no secret")
	case c.Auth.Kind.V == "none" && c.Auth.Secret.written():
		j.fault(spot{file, c.Auth.Secret.at}, Impossible, "write kind: bearer, or remove the secret", "auth of the kind none has a secret")
	}
	if c.ClientCert.written() != c.ClientKey.written() {
		j.fault(here, MissingKey, "write both, or neither", "client_cert and client_key go together")
	}
	u, err := url.Parse(c.To.V)
	if err != nil {
		return out // a fault of its own
	}
	for _, h := range j.tables.hostsOf(u.Hostname()) {
		if h.partition.Domain != j.domain() {
			j.fault(here, OtherDomain, "name a place in the enclave's own domain", "the copy would go to partition %s of the domain %s", quoted(h.partition.Name), h.partition.Domain)
		}
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		j.finding(here.source(), Exposed, "write https:// in to", "checkpoints, and what signs them in, would travel in the clear")
	}
	return out
}
