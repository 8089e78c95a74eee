// Package catalog says what is on offer: the estate once it has been read,
// checked and joined up, as values that never change again.
//
// It is not the files (package estate reads those) and decides nothing. All
// references are resolved: an [Alias] holds pointers to its offerings, an
// [Offering] to its model and endpoint. Begin with [Estate].
package catalog

import (
	"strings"
	"time"

	"bulkhead/call"
	"bulkhead/marking"
	"bulkhead/money"
)

// Estate is everything the agency declares. It is immutable: a call sees
// exactly one.
type Estate struct {
	Digest     string // "sha256:" and 64 hex digits, over the canonical content and the shipped tables
	Enclave    Enclave
	Vendors    []*Vendor
	Endpoints  []*Endpoint // sorted by name
	Offerings  []*Offering // sorted by name
	Contracts  []*Contract
	Partitions []*Partition         // declared in cloud files; shipped ones are not repeated
	Workloads  map[string]*Workload // by name

	Purposes     []Purpose // the table of purposes in force, sorted by code
	PurposeTable string    // edition of the shipped table
	Statuses     []*Status
	PhaseOuts    []*PhaseOut
	Exemptions   []*Exemption
	Policies     []PolicyFile // sorted by name

	// Marks reads and prints every marking that the estate writes or a call
	// brings, by the tables in force and the profile; see [Estate.Register].
	Marks *marking.Register
}

// Register reads and prints markings for this estate and its calls. An estate
// without one has the shipped table by the IC's rules.
func (e *Estate) Register() *marking.Register {
	if e.Marks == nil {
		return marking.NewRegister(marking.Shipped(), marking.IC)
	}
	return e.Marks
}

// PolicyFile is a file of the agency's own rules, as it was written.
type PolicyFile struct{ Name, Text string }

// Domain is a network that is physically apart from the others.
type Domain string

const (
	Unclassified Domain = "unclassified"
	Secret       Domain = "secret"
	TopSecret    Domain = "top-secret"
)

// Source is where a row of the estate was written.
type Source struct {
	File string // relative to the estate folder, with slashes
	Line int    // from 1
}

// Authorisation is who allowed something to process what, by which document,
// until when.
type Authorisation struct {
	Scheme, Class, Document, Official string
	Issued, Expires                   time.Time // UTC midnight; Expires is the first day on which it no longer holds
	Ceiling                           Ceiling
	Source                            Source
}

// Agency reports whether it is the agency's own; any other is a provider's.
func (a *Authorisation) Agency() bool { return strings.HasPrefix(a.Scheme, "agency") }

// Ceiling is a subject that bounds what something may have, as it was written:
// a banner, or its fields. Its meaning is given by package marking.
type Ceiling struct {
	Banner      string // shorthand; when set the fields below are empty
	Clearance   string
	Readins     []string
	Citizenship []string
	Affiliation string
	CUI         Listing
	Controls    Listing
}

// Listing is a list that may be "any"; unset means what the place defines.
type Listing struct {
	Set   bool
	Any   bool
	Items []string
}

// Enclave is what one deployment serves.
type Enclave struct {
	Name            string
	Domain          Domain
	Ceiling         Ceiling
	Authorisation   Authorisation
	Territory       []string // ISO 3166 alpha-2 countries
	Crypto          string   // none, fips or cnsa1
	IncidentContact string
	SystemUseNotice string
	RefusalDetail   string   // full or brief, unless the workload says; empty: full
	TLS             TLSFiles // for our own listener; empty: from flags or none
	Limits          Limits   // of every call, unless the endpoint or workload is stricter
	MaxBodyBytes    int64    // of one request body; zero: 32 MiB
	HeldBytes       int64    // of all calls together; zero: 512 MiB
	BodyTimeout     time.Duration
	Ledger          Ledger
	Source          Source
}

// Ledger is what an enclave says of its record of calls.
type Ledger struct {
	Marking string // a banner; empty: the enclave's ceiling
	Copies  []LedgerCopy
}

// LedgerCopy is a second place for the ledger's checkpoints: a folder, or an
// address below which they are put.
type LedgerCopy struct {
	Folder     string        // absolute once loaded; empty: it is an address
	URL        string        // empty: it is a folder
	Every      time.Duration // least time between two; zero: a minute
	Secret     string        // reference, sent as Authorization: Bearer; empty: none
	CAFile     string
	Client     TLSFiles
	ServerName string // empty: the address's host
	Source     Source
}

// To is the place as it is written: the folder or the address.
func (c *LedgerCopy) To() string {
	if c.Folder != "" {
		return c.Folder
	}
	return c.URL
}

// TLSFiles names PEM files, relative to the estate folder or absolute.
type TLSFiles struct{ Cert, Key string }

// Vendor makes models.
type Vendor struct {
	Name    string
	Models  map[string]*Model // by name
	Parties map[string]Party
	Terms   []Terms
	Source  Source
}

// Party is a company or office that stands behind a vendor.
type Party struct{ Name, Jurisdiction string }

// Terms is a version of a vendor's usage policy.
type Terms struct {
	ID, Version, Text string
	Link              string
	Retrieved         time.Time
	Adopted           Adoption
	Purposes          map[string]Term // by code
	Barred            Barred
	CloudOnly         bool // not on machines of the agency
	Shipped           bool // from the shipped table; Source is then that of the vendor
	Source            Source
}

// Adoption says who of the agency adopted terms, and when; zero: nobody.
type Adoption struct {
	By   string
	Date time.Time
}

// Term is what a vendor's policy says of one purpose: allowed, prohibited, or
// conditional on obligations.
type Term struct {
	Verdict     string // allowed, prohibited, conditional, unknown
	Obligations []string
}

// Model is a vendor's model, apart from each cloud's own id for it.
type Model struct {
	Vendor       string
	Name         string
	Version      string // "unpinned" or a version
	Modalities   []string
	Capabilities []string
	Product      string // of the vendor, as statuses name it; empty: unknown
	Context      int64  // tokens; zero: unknown
	MaxOutput    int64  // tokens; zero: unknown
	Dimensions   int64  // of an embeddings model; zero: not one, or unknown
	Source       Source
}

// FullName is vendor/name, as aliases and records write it.
func (m *Model) FullName() string { return m.Vendor + "/" + m.Name }

// Partition is an isolated part of a cloud.
type Partition struct {
	Name     string
	Cloud    string
	Domain   Domain            // empty: unknown
	Ceiling  Ceiling           // zero for a shipped one, which is bounded by its domain alone
	Regions  map[string]string // region → country
	Declared bool              // in a cloud file; else it is of the shipped table
	Source   Source            // zero for a shipped one
}

// Own is the name of the cloud that is the agency's own machines.
const Own = "own"

// Front says that a host stands before a partition whose own host it is not.
type Front struct {
	Partition, AttestedBy, Document string
	Source                          Source
}

// Endpoint is one address of one partition of a cloud.
type Endpoint struct {
	Name        string // unique in the estate
	Cloud       string
	Partition   string
	In          *Partition // the partition, shipped or declared; nil: unknown
	Region      string
	Front       Front  // zero: the host is the partition's own
	FIPS        string // true or false where hosts of the partition tell; empty: they do not
	URL         string // scheme, host and base path, without a final slash
	Dialect     string // openai, responses, anthropic, bedrock, gemini
	Surface     string // "v1" (default) or "deployments": Azure's older URLs
	APIVersion  string // Azure's api-version; empty on v1: none is sent
	Auth        Auth
	Limits      Limits
	HTTP        int      // 1 (default) or 2
	Connections int      // most idle connections kept; zero: the default of package egress
	StreamUsage string   // ask (default), always, never
	CAFile      string   // PEM roots instead of the system's; empty: the system's
	Client      TLSFiles // client certificate
	Proxy       string   // URL of an HTTP proxy; empty: none
	ServerName  string   // TLS name to expect, where it is not the URL's host
	Source      Source
}

// Auth is how Bulkhead signs in at an endpoint.
type Auth struct {
	Kind      string   // none, bearer, api-key, aws, azure, google
	Secret    string   // a reference, env:NAME or file:PATH; never a value
	Hosts     []string // that sign-in may ask, and no others
	AccessKey string   // aws: id of the access key whose secret is Secret; empty: the default chain
	Service   string   // aws: name that requests are signed for; empty: bedrock
	Tenant    string   // azure: of the application; empty: the machine's managed identity
	Client    string   // azure: id of the application, or of a managed identity; empty: the machine's own
	Authority string   // azure: URL of the identity provider; empty: the partition's
	Scope     string   // azure, google: what tokens are asked for; empty: the partition's
}

// Limits bound the waits of a call. Zero: the next wider place's value.
type Limits struct {
	Connect      time.Duration // to a connection, TLS included
	Header       time.Duration // to the header of a unary reply
	FirstContent time.Duration // to the first content of a stream
	Gap          time.Duration // between two events of a stream
	Total        time.Duration // the whole call
}

// Handling is what a vendor and cloud do with data. An empty word is unknown,
// and counts as the worst.
type Handling struct {
	Retention, CloudStaff, VendorStaff string
	HumanReview, Training              string // "true", "false" or "" (unknown)
	Link                               string
	Checked                            time.Time
}

// Enablement is a vendor's leave to use an offering.
type Enablement struct {
	State, By, Document string // State: pending, enabled, withdrawn
	From                time.Time
	Notices             []Notice
}

// Notice is the advance notice that a vendor has of a sensitive customer.
type Notice struct {
	Workloads []string  // by name; empty: all
	Sent      time.Time // day on which it was sent
	Days      int       // length of its clock
	Document  string
	Source    Source
}

// Until is the instant from which the clock has run out.
func (n *Notice) Until() time.Time { return n.Sent.AddDate(0, 0, n.Days) }

// Dependencies is what an offering needs to live; empty counts as shared with
// everything.
type Dependencies struct {
	Infrastructure, Account, Contract, Path string
	NoContract                              bool // stated: it is bought under none
}

// NoContract is the word of an estate for an offering that is bought under no
// contract; no contract is called so.
const NoContract = "none"

// Price is per million tokens.
type Price struct {
	Input, CachedInput, Output money.Amount
	Known                      bool
}

// Offering is one model over one endpoint.
type Offering struct {
	Name           string // "endpoint/offering", unique in the estate
	Index          int    // its place in Estate.Offerings
	Model          *Model
	Endpoint       *Endpoint
	ID             string // the cloud's own id: model or deployment name
	Regions        []string
	Authorisations []Authorisation
	Handling       Handling
	Enablement     Enablement
	DependsOn      Dependencies
	Grants         []call.Capability
	Price          Price
	Line           *Line // nil: none stated
	Attestations   []Attestation
	Source         Source
}

// Contract is the number of the contract under which the offering is bought,
// or empty.
func (o *Offering) Contract() string {
	if o.Line != nil {
		return o.Line.Contract
	}
	return o.DependsOn.Contract
}

// Granted reports whether the offering's row grants a capability.
func (o *Offering) Granted(c call.Capability) bool {
	for _, g := range o.Grants {
		if g == c {
			return true
		}
	}
	return false
}

// Contract holds lines of obligated money.
type Contract struct {
	Name     string
	Lines    map[string]*Line
	Overlays []*Overlay
	Source   Source
}

// Line is a contract line item.
type Line struct {
	Contract, Number        string
	Obligated, NotToExceed  money.Amount
	PeriodFrom, PeriodUntil time.Time // UTC midnight; the last day is included
	Source                  Source
}

// Owner says whose workload it is.
type Owner struct {
	Agency, Organisation                 string
	Intelligence, NSS, SensitiveCustomer bool
	Contractor                           bool // a contractor runs it for the agency
}

// MarkingRange is a workload's default and its bounds, as banners; Unread is
// what is taken for what cannot be read (empty: it is refused), Found what
// becomes of a call in which a mark above the declared one is found: refuse
// (also if empty) or raise.
type MarkingRange struct{ Default, Floor, Ceiling, Unread, Found string }

// Audience is the least privileged person who sees a workload's replies.
type Audience struct {
	Subject  Ceiling
	Document string
	Expires  time.Time
}

// Independence is how many of each a workload wants to be able to lose.
type Independence struct{ Vendors, Infrastructures, Contracts int }

// Workload is an application of the agency.
type Workload struct {
	Name          string
	Owner         Owner
	Purposes      []string // the first is the primary
	Marking       MarkingRange
	Audience      Audience
	Aliases       map[string]*Alias
	Independence  Independence
	Delivery      string // live or atomic
	UnknownFields string // pass or refuse: resolved, never empty
	Limits        Limits

	Class         string   // of workloads, as stages of phase-outs name them; empty: in every stage
	DecisionRole  string   // informs, recommends, decides; empty: not stated
	DataSubjects  []string // us_persons, minors, foreign
	Autonomy      string   // chat, tools, unattended; empty: not stated
	HighImpact    HighImpact
	Competitors   []string // vendors and clouds that may not have its data
	Attestations  []Attestation
	RefusalDetail string // full or brief; resolved, never empty
	Source        Source
}

// Alias is the model name a workload asks for.
type Alias struct {
	Name      string
	Models    []*Model    // in order of preference
	Offerings []*Offering // every offering of those models, in the order of Models and then of name
	Source    Source
}
