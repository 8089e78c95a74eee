package estate

import (
	_ "embed"
	"encoding/json"
	"strings"
	"sync"

	"bulkhead/catalog"
)

//go:embed tables/partitions.json
var partitionsJSON []byte

//go:embed tables/countries.txt
var countriesText []byte

// shipped gives the tables that come with the program, by name; their digests
// are part of an estate's digest.
func shipped() map[string][]byte {
	return map[string][]byte{"partitions": partitionsJSON, "countries": countriesText, "purposes": purposesJSON, "terms": termsJSON, "markings": shippedMarkings()}
}

// partition is an isolated part of a cloud, shipped or declared.
type partition struct {
	Name    string            `json:"name"`
	Cloud   string            `json:"cloud"`
	Domain  catalog.Domain    `json:"domain"`  // empty: no public source states it
	Regions map[string]string `json:"regions"` // region → country

	Hosts       []string `json:"hosts"`        // patterns of its host names
	FIPSRegions []string `json:"fips_regions"` // regions that have a FIPS host; none: its hosts do not tell
}

// partitionsEdition is the edition of the shipped table of partitions.
var partitionsEdition = sync.OnceValue(func() string {
	var table struct{ Edition string }
	if err := json.Unmarshal(partitionsJSON, &table); err != nil {
		panic("estate: the shipped table of partitions: " + err.Error())
	}
	return table.Edition
})

// shippedPartitions gives the partitions of the shipped table by name; what it
// returns is shared and not to be changed.
var shippedPartitions = sync.OnceValue(func() map[string]*partition {
	var table struct {
		Partitions []*partition `json:"partitions"`
	}
	if err := json.Unmarshal(partitionsJSON, &table); err != nil {
		panic("estate: the shipped table of partitions: " + err.Error())
	}
	byName := map[string]*partition{}
	for _, p := range table.Partitions {
		byName[p.Name] = p
	}
	return byName
})

// countries gives the ISO 3166-1 codes: alpha-2 to alpha-3.
var countries = sync.OnceValue(func() map[string]string {
	codes := map[string]string{}
	for line := range strings.Lines(string(countriesText)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, pair := range strings.Fields(line) {
			two, three, _ := strings.Cut(pair, "/")
			codes[two] = three
		}
	}
	return codes
})
