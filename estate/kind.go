package estate

// The kinds of files, each as one Go struct. The tags are the whole truth: key
// and whether it is required, the form or the words allowed, what holds if it
// is absent, and what it is for. Reading, faults and JSON Schema follow them.

// kind is a kind of file in an estate.
type kind struct {
	name   string     // as in bulkhead schema NAME
	folder string     // where its files lie; empty: the estate folder itself
	doc    string     // one sentence
	empty  func() any // a fresh struct to read into
}

// kinds lists the kinds of YAML files with fixed keys, in order of reading.
func kinds() []kind {
	return []kind{
		{"enclave", "", "What one Bulkhead deployment serves (enclave.yaml).", func() any { return new(enclaveFile) }},
		{"vendor", "vendors", "Who makes models: its models, who stands behind it, its terms (vendors/*.yaml).", func() any { return new(vendorFile) }},
		{"cloud", "clouds", "Who delivers models: partitions, endpoints and the offerings on them (clouds/*.yaml).", func() any { return new(cloudFile) }},
		{"contract", "contracts", "Lines of obligated money (contracts/*.yaml).", func() any { return new(contractFile) }},
		{"workload", "workloads", "An application of the agency (workloads/*.yaml).", func() any { return new(workloadFile) }},
		{"exclusion", "exclusions", "Legal statuses, phase-outs and exemptions (exclusions/*.yaml).", func() any { return new(exclusionFile) }},
		{"table", "tables", "Entries that replace those of shipped tables (tables/*.yaml).", func() any { return new(tableFile) }},
	}
}

// authorisation says who allowed something to process what, until when.
type authorisation struct {
	at
	Scheme   text `key:"scheme,required" form:"name" doc:"Scheme, such as fedramp, agency-ato or dod-pa"`
	Class    text `key:"class" form:"name" doc:"Class or level within the scheme, such as high"`
	Document text `key:"document,required" doc:"Document that says so, by its number"`
	Official text `key:"official,required" doc:"Official who signed it"`
	Issued   date `key:"issued,required" doc:"Day from which it holds"`
	Expires  date `key:"expires,required" doc:"First day on which it no longer holds"`
}

// bounded is an authorisation of an offering, with what it reaches up to.
type bounded struct {
	authorisation
	Ceiling ceiling `key:"ceiling,required" doc:"What may be processed under it: a banner, or a subject's fields"`
}

type limits struct {
	at
	Connect      duration `key:"connect" doc:"Until a connection stands, TLS included" default:"5s"`
	Header       duration `key:"header" doc:"Until the header of a unary reply" default:"600s"`
	FirstContent duration `key:"first_content" doc:"Until the first content of a stream" default:"120s, 600s for models with reasoning"`
	Gap          duration `key:"gap" doc:"Between two events of a stream" default:"120s, 600s for models with reasoning"`
	Total        duration `key:"total" doc:"For the whole call" default:"30m"`
}

type tlsFiles struct {
	at
	Cert text `key:"cert,required" form:"file" doc:"PEM file with the certificate chain, absolute or relative to the estate folder"`
	Key  text `key:"key,required" form:"file" doc:"PEM file with the private key; it lies outside the estate folder"`
}

// enclaveFile is enclave.yaml.
type enclaveFile struct {
	at
	Enclave          text          `key:"enclave,required" form:"name" doc:"Name of the enclave"`
	Domain           text          `key:"domain,required" enum:"unclassified secret top-secret" doc:"Network that the enclave lies in"`
	Ceiling          ceiling       `key:"ceiling,required" doc:"Most that anything in the enclave may have"`
	Authorisation    authorisation `key:"authorisation,required" doc:"Document under which the enclave runs"`
	Territory        list[text]    `key:"territory,required" form:"country" min:"1" doc:"Countries where inference may happen, as ISO 3166 codes of two letters"`
	MarkingProfile   text          `key:"marking_profile" enum:"ic dod legacy" doc:"Whose rules of marking hold where texts differ: the IC's Register, DoDM 5200.01, or the Register with forms of old" default:"ic"`
	BannerProgrammes whole         `key:"banner_programmes" min:"1" max:"99" doc:"Special access programmes that a banner names at most; with more it says SAR-MULTIPLE PROGRAMS" default:"all are named"`
	Crypto           text          `key:"crypto,required" enum:"none fips cnsa1" doc:"Cryptography that connections must use"`
	IncidentContact  text          `key:"incident_contact,required" doc:"Whom callers are told to contact after spillage"`
	SystemUseNotice  text          `key:"system_use_notice" doc:"Notice that people see before they use the system"`
	RefusalDetail    text          `key:"refusal_detail" enum:"full brief" doc:"How much refusals say to callers, unless the workload says" default:"full"`
	TLS              tlsFiles      `key:"tls" doc:"Certificate of the listener" default:"from the flags of serve"`
	Limits           limits        `key:"limits" doc:"How long calls may wait, unless an endpoint or workload is stricter"`
	MaxBody          size          `key:"max_body" doc:"Largest request body" default:"32MiB"`
	HeldBytes        size          `key:"held_bytes" doc:"Most bytes of request bodies held at once" default:"512MiB"`
	BodyTimeout      duration      `key:"body_timeout" doc:"How long a caller may take to send a body" default:"60s"`
	Ledger           ledger        `key:"ledger" doc:"The record of calls: its marking, and where its checkpoints are copied to"`
}

// vendorFile is one of vendors/*.yaml.
type vendorFile struct {
	at
	Vendor  text         `key:"vendor,required" form:"name" doc:"Name of the vendor"`
	Models  table[model] `key:"models,required" keys:"model" min:"1" doc:"Models it makes, by name"`
	Parties table[party] `key:"parties" keys:"name" doc:"Companies and offices that stand behind it, by role"`
	Terms   list[terms]  `key:"terms" doc:"Versions of its usage policy" default:"the shipped ones of the vendor"`
	Adopts  list[adopts] `key:"adopts" doc:"Shipped terms of the vendor that the agency has adopted"`
}

// adopts names shipped terms that somebody adopted.
type adopts struct {
	at
	ID      text `key:"id,required" form:"name" doc:"Name of the shipped policy"`
	Version text `key:"version,required" doc:"Its version, in quotes"`
	By      text `key:"by,required" doc:"Official who adopted it"`
	Date    date `key:"date,required" doc:"Day of adoption"`
}

type model struct {
	at
	Version      text       `key:"version" doc:"Version, or unpinned where the vendor may change it" default:"unpinned"`
	Modalities   list[text] `key:"modalities" enum:"text image audio video file" doc:"What it reads and writes" default:"[text]"`
	Capabilities list[text] `key:"capabilities" enum:"tools parallel_tools json_object json_schema reasoning logprobs embeddings" doc:"What it can do beyond plain chat"`
	Product      text       `key:"product" doc:"Product of the vendor that it is, as statuses name it" default:"unknown, which any status on a product covers"`
	Context      whole      `key:"context" min:"1" doc:"Tokens of its context" default:"unknown"`
	MaxOutput    whole      `key:"max_output" min:"1" doc:"Tokens of its longest reply" default:"unknown"`
	Dimensions   whole      `key:"dimensions" min:"1" doc:"Length of the vectors of an embeddings model" default:"unknown, or no embeddings model"`
}

type party struct {
	at
	Name         text `key:"name,required" doc:"Name in full"`
	Jurisdiction text `key:"jurisdiction,required" form:"country" doc:"Country whose law it is under"`
}

type terms struct {
	at
	ID        text        `key:"id,required" form:"name" doc:"Name of the policy"`
	Version   text        `key:"version,required" doc:"Version, in quotes if it is a number or date"`
	Text      text        `key:"text" doc:"Words of the policy that matter here"`
	Link      text        `key:"source,required" doc:"Where the policy was read"`
	Retrieved date        `key:"retrieved,required" doc:"Day on which it was read"`
	Adopted   adoption    `key:"adopted" doc:"Who of the agency adopted it; without, it permits nothing of high risk"`
	Purposes  table[term] `key:"purposes,required" keys:"purpose" doc:"Verdict for each purpose: allowed, prohibited or {conditional: [OBLIGATION]}"`
	Excludes  excludes    `key:"excludes" doc:"Organisations that it leaves out"`
	CloudOnly truth       `key:"cloud_only" doc:"Whether models may run in a cloud only, not on machines of the agency" default:"false"`
}

// excludes names organisations that may not use a vendor's models.
type excludes struct {
	at
	Organisations list[text] `key:"organisations" form:"name" doc:"Organisations or agencies"`
	Intelligence  truth      `key:"intelligence" doc:"Whether it leaves out every element of the intelligence community" default:"false"`
	Unless        text       `key:"unless" form:"obligation" doc:"Obligation that lifts it once it is met, such as CONTRACT_MOD(P00002)" default:"nothing lifts it"`
}

type adoption struct {
	at
	By   text `key:"by,required" doc:"Official who adopted it"`
	Date date `key:"date,required" doc:"Day of adoption"`
}

// contractFile is one of contracts/*.yaml.
type contractFile struct {
	at
	Contract text          `key:"contract,required" form:"number" doc:"Number of the contract"`
	Lines    table[line]   `key:"lines,required" keys:"number" min:"1" doc:"Contract lines, by number in quotes"`
	Overlays list[overlay] `key:"overlays" doc:"What the contract changes in a vendor's terms"`
}

type line struct {
	at
	Obligated   amount `key:"obligated,required" doc:"Money obligated"`
	NotToExceed amount `key:"not_to_exceed" doc:"Most that may ever be spent" default:"obligated"`
	Currency    text   `key:"currency,required" enum:"USD" doc:"Currency of the amounts"`
	Period      period `key:"period,required" doc:"Period of performance"`
}

type period struct {
	at
	From date `key:"from,required" doc:"First day"`
	To   date `key:"to,required" doc:"Last day, included"`
}

type overlay struct {
	at
	Vendor    text        `key:"vendor,required" form:"name" doc:"Vendor whose terms it changes"`
	Clause    text        `key:"clause" doc:"Clause that supersedes the terms; without, it can only tighten them"`
	Approver  text        `key:"approver" doc:"Official who approved the clause"`
	Purposes  table[term] `key:"purposes,required" keys:"purpose" min:"1" doc:"Verdict for each purpose"`
	Excludes  excludes    `key:"excludes" doc:"Organisations that it leaves out"`
	CloudOnly truth       `key:"cloud_only" doc:"Whether models may run in a cloud only, not on machines of the agency" default:"false"`
}

// workloadFile is one of workloads/*.yaml.
type workloadFile struct {
	at
	Workload      text              `key:"workload,required" form:"name" doc:"Name of the workload"`
	Owner         owner             `key:"owner,required" doc:"Whose it is"`
	Purposes      list[text]        `key:"purposes,required" form:"purpose" min:"1" doc:"What it uses AI for; the first is the primary"`
	Marking       markingRange      `key:"marking,required" doc:"What its calls are taken for, and their bounds"`
	Audience      audience          `key:"audience,required" doc:"Least privileged person who sees its replies"`
	Aliases       table[list[text]] `key:"aliases,required" keys:"alias" form:"model_ref" min:"1" doc:"Names it may ask for, each an ordered list of vendor/model"`
	Independence  independence      `key:"independence" doc:"How many it wants to be able to lose all but one of"`
	Delivery      text              `key:"delivery" enum:"live atomic" doc:"Whether replies are passed on as they come or only when whole" default:"live"`
	UnknownFields text              `key:"unknown_fields" enum:"pass refuse" doc:"What becomes of request fields that Bulkhead does not know" default:"pass if the default marking is U in an unclassified enclave, else refuse"`
	Limits        limits            `key:"limits" doc:"How long its calls may wait, if stricter than elsewhere"`
	Class         text              `key:"class" form:"name" doc:"Class that stages of phase-outs name" default:"it is in every stage"`
	DecisionRole  text              `key:"decision_role" enum:"informs recommends decides" doc:"What its replies do in decisions about people"`
	DataSubjects  list[text]        `key:"data_subjects" enum:"us_persons minors foreign" doc:"Whom its data are about"`
	Autonomy      text              `key:"autonomy" enum:"chat tools unattended" doc:"How far it acts without a person"`
	HighImpact    highImpact        `key:"high_impact" doc:"Whether it is high-impact AI (OMB M-25-21)"`
	Competitors   list[text]        `key:"competitors" form:"name" doc:"Vendors and clouds that may not have its data"`
	Attestations  list[attestation] `key:"attestations" doc:"Obligations that somebody attests are met, wherever its calls go"`
	RefusalDetail text              `key:"refusal_detail" enum:"full brief" doc:"How much refusals say to its callers" default:"that of the enclave"`
}

type highImpact struct {
	at
	State     text `key:"state,required" enum:"yes presumed_not no" doc:"Whether it is"`
	Reason    text `key:"reason" doc:"Why it is presumed not to be"`
	Practices text `key:"practices" doc:"Document that records the minimum practices; without, a high-impact workload may not run"`
	Expires   date `key:"expires" doc:"First day on which that document no longer holds" default:"never"`
}

// attestation is a person's word that an obligation is met.
type attestation struct {
	at
	Obligation text       `key:"obligation,required" form:"obligation" doc:"Obligation that is met, as terms name it"`
	By         text       `key:"by,required" doc:"Who attests it"`
	Document   text       `key:"document,required" doc:"Document that says so"`
	Purposes   list[text] `key:"purposes" form:"purpose" doc:"Purposes for which it holds" default:"all"`
	Expires    date       `key:"expires,required" doc:"First day on which it no longer holds"`
}

type owner struct {
	at
	Agency            text  `key:"agency,required" form:"name" doc:"Agency"`
	Organisation      text  `key:"organisation,required" form:"name" doc:"Organisation within it"`
	Intelligence      truth `key:"intelligence" doc:"Whether it is an element of the intelligence community" default:"false"`
	NSS               truth `key:"nss" doc:"Whether it is a national security system" default:"false"`
	SensitiveCustomer truth `key:"sensitive_customer" doc:"Whether vendors count it as a sensitive customer" default:"false"`
	Contractor        truth `key:"contractor" doc:"Whether a contractor runs it for the agency" default:"false"`
}

type markingRange struct {
	at
	Default text `key:"default,required" form:"marking" doc:"Marking of a call that states none"`
	Floor   text `key:"floor,required" form:"marking" doc:"Lowest marking a call may state"`
	Ceiling text `key:"ceiling,required" form:"marking" doc:"Highest marking a call may state"`
	Unread  text `key:"unread" form:"marking" doc:"Marking that content which cannot be read is taken for" default:"such content is refused"`
	Found   text `key:"found" enum:"refuse raise" doc:"What becomes of a call in which a mark above the stated one is found: refused, or handled at the mark found, never above ceiling and audience" default:"refuse"`
}

type audience struct {
	subject
	Document text `key:"document,required" doc:"Document that says who they are"`
	Expires  date `key:"expires,required" doc:"First day on which it no longer holds"`
}

type independence struct {
	at
	Vendors         whole `key:"vendors" min:"1" max:"100" doc:"Vendors" default:"1"`
	Infrastructures whole `key:"infrastructures" min:"1" max:"100" doc:"Infrastructures" default:"1"`
	Contracts       whole `key:"contracts" min:"1" max:"100" doc:"Contracts" default:"1"`
}
