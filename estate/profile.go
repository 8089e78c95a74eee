package estate

import (
	"regexp"
	"slices"
)

// profileID is what ids of AWS's own cross-region profiles begin with. A profile
// routes to several regions; a global one to every region of the partition.
// https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
// and the enum CrossRegionInferenceProfileRegion of the AWS CDK, read 2026-11-23.
var profileID = regexp.MustCompile(`^(global|us|us-gov|eu|apac|jp|au)\.[a-z0-9-]+\.`)

// profile faults an offering whose id is of a cross-region profile, and which
// lists fewer regions than that can mean: what is decided about territory and
// losses goes by the list.
func (j *joiner) profile(file string, o offering, cloud string, p *partition) {
	m := profileID.FindStringSubmatch(o.ID.V)
	if m == nil || cloud != "aws" || p == nil || len(o.Regions.Items) == 0 {
		return
	}
	here, listed := spot{file, o.Regions.at}, words(o.Regions)
	switch {
	case m[1] == "global":
		for _, name := range sortedNames(p.Regions) {
			if !slices.Contains(listed, name) {
				j.fault(here, Impossible, "list every region of the partition, or use the id of one region", "%s is a global profile, which may move to every region of partition %s, and %s is not listed", quoted(o.ID.V), quoted(p.Name), name)
				return
			}
		}
	case len(listed) < 2:
		j.fault(here, Impossible, "list all regions that it may move to, or use the id of one region", "%s is a cross-region profile, and only one region is listed", quoted(o.ID.V))
	}
}
