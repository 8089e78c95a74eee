package estate

// cloudFile is one of clouds/*.yaml. A cloud may have several files.
type cloudFile struct {
	at
	Cloud      text                     `key:"cloud,required" form:"name" doc:"Cloud that delivers, such as aws, azure or own"`
	Partitions table[declaredPartition] `key:"partitions" keys:"partition" doc:"Partitions that no shipped table has, by name"`
	Endpoints  table[endpoint]          `key:"endpoints" keys:"name" doc:"Addresses, by names that are unique in the estate"`
	Offerings  table[offering]          `key:"offerings" keys:"name" doc:"Models on those addresses, by name"`
}

type declaredPartition struct {
	at
	Domain  text        `key:"domain,required" enum:"unclassified secret top-secret" doc:"Network that the partition lies in"`
	Ceiling ceiling     `key:"ceiling,required" doc:"Most that may be in it"`
	Regions table[text] `key:"regions,required" keys:"partition" form:"country" min:"1" doc:"Its regions, each with its country"`
}

type endpoint struct {
	at
	Partition   text   `key:"partition,required" form:"partition" doc:"Partition of the cloud"`
	Region      text   `key:"region,required" form:"partition" doc:"Region that the address is in"`
	URL         text   `key:"url,required" form:"url" doc:"Scheme, host and base path; what a call adds is not part of it"`
	Fronts      front  `key:"fronts" doc:"Partition that a host stands before whose own host it is not" default:"the host must be one of the partition's"`
	Dialect     text   `key:"dialect,required" enum:"openai responses anthropic bedrock gemini" doc:"Wire format it speaks"`
	Surface     text   `key:"surface" enum:"v1 deployments invoke vertex" doc:"Form of its paths and bodies: the dialect's own; Azure's /openai/deployments/…; InvokeModel of Bedrock (dialects anthropic and bedrock); Vertex AI (dialects gemini and anthropic)" default:"v1"`
	Project     text   `key:"project" form:"name" doc:"Google project that calls are billed to; needed on surface vertex"`
	Location    text   `key:"location" form:"partition" doc:"Place of Vertex AI that is asked: a region, or us, eu, global, which move between regions" default:"region"`
	APIVersion  text   `key:"api_version" doc:"Azure's api-version; needed on surface deployments" default:"none is sent"`
	Auth        auth   `key:"auth,required" hush:"true" doc:"How Bulkhead signs in"`
	Limits      limits `key:"limits" doc:"How long calls to it may wait"`
	HTTP        whole  `key:"http" min:"1" max:"2" doc:"HTTP version" default:"1"`
	Connections whole  `key:"connections" min:"1" max:"100000" doc:"Most idle connections kept open" default:"chosen by Bulkhead"`
	StreamUsage text   `key:"stream_usage" enum:"ask always never" doc:"Whether it reports usage in streams: if asked, by itself, or not at all" default:"ask"`
	CAFile      text   `key:"ca_file" form:"file" doc:"PEM file with the roots to trust instead of the system's"`
	ClientCert  text   `key:"client_cert" form:"file" doc:"PEM file with our certificate for it; needs client_key"`
	ClientKey   text   `key:"client_key" form:"file" doc:"PEM file with its private key, outside the estate folder; needs client_cert"`
	Proxy       text   `key:"proxy" form:"proxy" doc:"HTTP proxy on the way to it" default:"none"`
	ServerName  text   `key:"server_name" form:"host" doc:"Name its certificate must have, if not the URL's host"`
}

// front says that a host stands before a partition.
type front struct {
	at
	Partition  text `key:"partition,required" form:"partition" doc:"Partition behind the host; that of the endpoint"`
	AttestedBy text `key:"attested_by,required" doc:"Official who attests it"`
	Document   text `key:"document,required" doc:"Document that says so"`
}

type auth struct {
	at
	Kind      text       `key:"kind,required" enum:"none bearer api-key x-api-key x-goog-api-key aws azure google" doc:"How requests are signed in: not at all; the secret as Authorization: Bearer or in the header of that name (api-key: Azure, x-api-key: Anthropic, x-goog-api-key: Gemini); AWS Signature Version 4; a token of Microsoft Entra or of Google"`
	Secret    text       `key:"secret" form:"secret" doc:"Reference to the secret, env:NAME or file:PATH; needed for bearer, the keys, an access_key and a tenant; for google a credentials file"`
	Hosts     list[text] `key:"hosts" form:"host" doc:"Hosts that sign-in may ask, such as 169.254.169.254 or login.microsoftonline.us; no other is" default:"none"`
	AccessKey text       `key:"access_key" form:"access_key" doc:"Id of the AWS access key whose secret is secret" default:"the default credential chain of AWS"`
	Service   text       `key:"service" form:"name" doc:"Name of the AWS service that requests are signed for" default:"bedrock"`
	Tenant    text       `key:"tenant" form:"tenant" doc:"Entra tenant of the application" default:"a managed identity signs in"`
	Client    text       `key:"client" form:"tenant" doc:"Id of the Entra application, or of a managed identity" default:"the machine's own identity"`
	Authority text       `key:"authority" form:"proxy" doc:"URL of the identity provider" default:"that of the partition"`
	Scope     text       `key:"scope" doc:"What tokens are asked for" default:"that of the partition"`
}

type offering struct {
	at
	Model          text              `key:"model,required" form:"model_ref" doc:"Model as vendor/model"`
	Endpoint       text              `key:"endpoint,required" form:"name" doc:"Endpoint that serves it"`
	ID             text              `key:"id,required" doc:"The cloud's own id: model, profile or deployment name"`
	Regions        list[text]        `key:"regions,required" form:"partition" min:"1" doc:"All regions that inference may move to"`
	Authorisations list[bounded]     `key:"authorisations,required" doc:"Who allowed it to process what; what holds is what all of them allow"`
	Handling       handling          `key:"handling" doc:"What vendor and cloud do with data; what is not stated counts as the worst"`
	Enablement     enablement        `key:"enablement,required" doc:"The vendor's leave to use it"`
	DependsOn      dependencies      `key:"depends_on" doc:"What it needs to live; what is not stated counts as shared with everything"`
	State          text              `key:"state" form:"family" doc:"Family of opaque state that it mints and reads, such as anthropic or openai:ORGANISATION: reasoning signed by one offering goes back to all of its family" default:"vendor:endpoint, which no other endpoint shares"`
	UnknownState   text              `key:"unknown_state" enum:"drop pass" doc:"What becomes of opaque state of which nobody remembers who minted it: left out and named, or sent there as if it were its own" default:"drop"`
	Grants         list[text]        `key:"grants" form:"capability" doc:"Capabilities that calls may use here" default:"none"`
	Price          price             `key:"price" doc:"Price per million tokens" default:"unknown"`
	Line           text              `key:"line" form:"line_ref" doc:"Contract line that pays, as contract/line" default:"none"`
	Attestations   list[attestation] `key:"attestations" doc:"Obligations that somebody attests are met at this offering"`
}

type handling struct {
	at
	Retention   text   `key:"retention" form:"retention" doc:"How long data is kept: none, days such as 30d, or unknown" default:"unknown"`
	HumanReview stated `key:"human_review" doc:"Whether people may review data: true, false or unknown" default:"unknown"`
	Training    stated `key:"training" doc:"Whether data is used for training: true, false or unknown" default:"unknown"`
	CloudStaff  text   `key:"cloud_staff" enum:"none us_federal us_citizens us_persons anyone unknown" doc:"Who of the cloud could see data" default:"unknown"`
	VendorStaff text   `key:"vendor_staff" enum:"none us_federal us_citizens us_persons anyone unknown" doc:"Who of the vendor could see data" default:"unknown"`
	Link        text   `key:"source,required" doc:"Where this is written"`
	Checked     date   `key:"checked,required" doc:"Day on which it was read there"`
}

type enablement struct {
	at
	State    text          `key:"state,required" enum:"pending enabled withdrawn" doc:"State of the vendor's leave"`
	By       text          `key:"by,required" doc:"Who gave it"`
	Document text          `key:"document" doc:"Document that says so"`
	From     date          `key:"from" doc:"Day from which it holds"`
	Notices  list[advance] `key:"notices" doc:"Advance notice that the vendor was given of sensitive customers"`
}

// advance is notice given to a vendor.
type advance struct {
	at
	Workloads list[text] `key:"workloads" form:"name" doc:"Workloads it is about" default:"all"`
	Sent      date       `key:"sent,required" doc:"Day on which it was sent"`
	Days      whole      `key:"days,required" min:"0" max:"3650" doc:"Days until its clock has run out"`
	Document  text       `key:"document,required" doc:"Document that shows it was delivered"`
}

type dependencies struct {
	at
	Infrastructure text `key:"infrastructure" form:"name" doc:"Whose machines it runs on"`
	Account        text `key:"account" doc:"Account it is billed to"`
	Contract       text `key:"contract" form:"number" doc:"Contract it is bought under, or none if there is none"`
	Path           text `key:"path" form:"name" doc:"Network path it is reached by"`
}

type price struct {
	at
	Input       amount `key:"input_per_mtok,required" doc:"Price of a million input tokens"`
	CachedInput amount `key:"cached_input_per_mtok" doc:"Price of a million input tokens read from the vendor's cache" default:"that of input"`
	Output      amount `key:"output_per_mtok,required" doc:"Price of a million output tokens"`
	Currency    text   `key:"currency,required" enum:"USD" doc:"Currency of the amounts"`
}

// exclusionFile is one of exclusions/*.yaml.
type exclusionFile struct {
	at
	Statuses   list[status]    `key:"statuses" doc:"Legal statuses; several may run at once"`
	PhaseOuts  list[phaseOut]  `key:"phase_outs" doc:"What is being left, by stages"`
	Exemptions list[exemption] `key:"exemptions" doc:"Who may go on for a while"`
}

type status struct {
	at
	ID         text   `key:"id,required" form:"name" doc:"Name of the status"`
	Authority  text   `key:"authority,required" doc:"Authority that acted"`
	Instrument text   `key:"instrument,required" doc:"Instrument it acted by"`
	Binds      binds  `key:"binds" doc:"Whom it binds" default:"everyone"`
	Covers     covers `key:"covers,required" doc:"What it covers"`
	State      text   `key:"state,required" enum:"in_force stayed enjoined vacated lifted expired unknown" doc:"Its state; unknown counts as in force"`
	From       date   `key:"from" doc:"Day from which it holds"`
	Until      date   `key:"until" doc:"First day on which it no longer holds"`
	Document   text   `key:"document,required" doc:"Document that says so"`
}

type binds struct {
	at
	Organisations list[text] `key:"organisations" form:"name" doc:"Organisations"`
	Contractors   truth      `key:"contractors" doc:"Whether it binds contractors" default:"false"`
	NSS           truth      `key:"nss" doc:"Whether it binds national security systems only" default:"false"`
	Lines         list[text] `key:"lines" form:"line_ref" doc:"Contract lines"`
}

type covers struct {
	at
	Vendor   text `key:"vendor" form:"name" doc:"A vendor"`
	Product  text `key:"product" doc:"A product of it"`
	Model    text `key:"model" form:"model_ref" doc:"A model"`
	Cloud    text `key:"cloud" form:"name" doc:"A cloud"`
	Offering text `key:"offering" doc:"An offering, as endpoint/offering"`
}

type phaseOut struct {
	at
	ID       text        `key:"id,required" form:"name" doc:"Name of the phase-out"`
	Status   text        `key:"status" form:"name" doc:"Status that it carries out"`
	Covers   covers      `key:"covers,required" doc:"What is being left"`
	Stages   list[stage] `key:"stages,required" min:"1" doc:"Who has to stop when"`
	Document text        `key:"document,required" doc:"Document that says so"`
}

type stage struct {
	at
	From      date       `key:"from,required" doc:"First day on which these may no longer use it"`
	Workloads list[text] `key:"workloads" form:"name" doc:"Classes of workloads" default:"all"`
}

type exemption struct {
	at
	ID        text       `key:"id,required" form:"name" doc:"Name of the exemption"`
	From      text       `key:"exempts,required" form:"name" doc:"Status or phase-out it exempts from"`
	Workloads list[text] `key:"workloads,required" form:"name" min:"1" doc:"Workloads that are exempt"`
	Reason    text       `key:"reason,required" doc:"Reason"`
	Approver  text       `key:"approver,required" doc:"Official who approved it"`
	Expires   date       `key:"expires,required" doc:"First day on which it no longer holds"`
}
