package estate

// tableFile is one of tables/*.yaml.
type tableFile struct {
	at
	Purposes table[purposeEntry] `key:"purposes" keys:"purpose" doc:"Purposes that replace those of the shipped table, or are added to it"`
}

type purposeEntry struct {
	at
	Category text  `key:"category,required" form:"category" doc:"Category of vendors' policies that speaks of it, or a name of its own"`
	Risk     text  `key:"risk,required" enum:"high low" doc:"Whether what is not known of it denies (high) or permits (low)"`
	Below    truth `key:"below" doc:"Whether the codes below it are of it as well" default:"false"`
	Title    text  `key:"title" doc:"What it is, in words"`
}
