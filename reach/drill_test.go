package reach_test

import (
	"slices"
	"testing"

	"bulkhead/catalog"
	"bulkhead/reach"
)

// TestDrill_EqualsAnEstateWithoutTheOfferings holds a drill against decisions in
// an estate in which what the loss takes is withdrawn: never anything that was
// not there before, and nothing less than what stays.
func TestDrill_EqualsAnEstateWithoutTheOfferings(t *testing.T) {
	left := map[reach.Left]int{}
	for seed := range uint64(60) {
		s := studyOf(t, newDice(seed).estate(2, 7))
		all := s.Losses()
		sets := [][]reach.Loss{all[:2], {all[len(all)-1], all[0]}}
		for _, l := range all {
			sets = append(sets, []reach.Loss{l})
		}
		drills, err := s.Drill(sets...)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range drills {
			after := newDice(seed).estate(2, 7) // the same again
			for _, o := range after.Offerings {
				if lost(d.Losses, o) {
					o.Enablement.State = "withdrawn"
				}
			}
			then := studyOf(t, after)
			for _, o := range d.Outcomes {
				for _, at := range []reach.State{o.Default, o.Ceiling} {
					left[at.Left]++
					w := after.Workloads[o.Workload.Name]
					x := then.Explain(reach.Case{Workload: w, Alias: w.Aliases[o.Alias.Name], Purpose: o.Purpose, Label: label(t, at.Marking)})
					var want []string
					for _, r := range x.Rows {
						if r.Allowed {
							want = append(want, r.Offering.Name)
						}
					}
					if got := names(at.After); !slices.Equal(got, want) {
						t.Fatalf("seed %d: %v leaves %v at %s, an estate without them allows %v", seed, d.Losses, got, at.Marking, want)
					}
					for _, name := range names(at.After) {
						if !slices.Contains(names(at.Before), name) {
							t.Fatalf("seed %d: %v yields %s, which was not there before", seed, d.Losses, name)
						}
					}
				}
			}
		}
	}
	for _, l := range []reach.Left{reach.Untouched, reach.SameModel, reach.OtherModel, reach.Nothing, reach.NoneBefore} {
		if left[l] < 20 {
			t.Errorf("%d are %s: the dice are loaded", left[l], l)
		}
	}
}

// lost says it once more: an offering that does not state what it depends on goes
// with every loss.
func lost(losses []reach.Loss, o *catalog.Offering) bool {
	for _, l := range losses {
		names := map[reach.Kind][]string{
			reach.Vendor: {o.Model.Vendor}, reach.Cloud: {o.Endpoint.Cloud}, reach.Partition: {o.Endpoint.Partition},
			reach.Model: {o.Model.Vendor + "/" + o.Model.Name}, reach.Offering: {o.Name}, reach.Region: append([]string{o.Endpoint.Region}, o.Regions...),
			reach.Infrastructure: {o.DependsOn.Infrastructure}, reach.Contract: {o.DependsOn.Contract},
		}[l.Kind]
		none := l.Kind == reach.Contract && o.DependsOn.NoContract
		if slices.Contains(names, l.Name) || len(names) == 1 && names[0] == "" && !none {
			return true
		}
	}
	return false
}

func names(list []*catalog.Offering) []string {
	var out []string
	for _, o := range list {
		out = append(out, o.Name)
	}
	return out
}

func TestDrill_TellsWhichRequirementsBreak(t *testing.T) {
	e := newDice(1).estate(1, 3)
	w := e.Workloads["w000"]
	plain := func(i int, vendor *catalog.Vendor, infrastructure, contract string) *catalog.Offering {
		o := e.Offerings[i]
		o.Model, o.DependsOn = vendor.Models["a"], catalog.Dependencies{Infrastructure: infrastructure, Contract: contract}
		o.Endpoint.Dialect, o.Regions, o.Enablement.State = "openai", []string{o.Endpoint.Region}, "enabled"
		o.Authorisations = []catalog.Authorisation{inForce("fedramp", wide(), 1), inForce("agency-ato", wide(), 2)}
		o.Handling = catalog.Handling{CloudStaff: "us_citizens", VendorStaff: "none", Training: "false"}
		return o
	}
	e.Enclave.Ceiling = wide()
	for _, v := range e.Vendors {
		v.Terms[0].Purposes = map[string]catalog.Term{"admin": {Verdict: "allowed"}}
	}
	w.Purposes, w.Competitors, w.Audience.Expires = []string{"admin.drafting"}, nil, date("2028-01-01")
	w.Marking = catalog.MarkingRange{Default: "U", Floor: "U", Ceiling: "U"}
	w.Independence = catalog.Independence{Vendors: 2, Infrastructures: 2, Contracts: 3}
	w.Aliases = map[string]*catalog.Alias{"x": {Name: "x", Offerings: []*catalog.Offering{plain(0, e.Vendors[0], "i1", "k1"), plain(1, e.Vendors[1], "i2", ""), plain(2, e.Vendors[1], "", "k1")}}}
	for _, c := range []struct {
		loss     string
		left     reach.Left
		after    []int
		stranded int
		broken   []string
	}{
		{"vendor=acme", reach.OtherModel, []int{1, 2}, 0, []string{"vendors", "infrastructures"}},
		{"infrastructure=i2", reach.SameModel, []int{0}, 0, []string{"vendors", "infrastructures"}}, // the third does not say whose machines it is on
		{"contract=k1", reach.Nothing, nil, 1, []string{"vendors", "infrastructures"}},              // the second does not say under which it is bought
		{"offering=e002/o", reach.SameModel, []int{0, 1}, 0, nil},
	} {
		t.Run(c.loss, func(t *testing.T) {
			l, err := reach.ParseLoss(c.loss)
			if err != nil || l.String() != c.loss {
				t.Fatal(l, err)
			}
			drills, err := studyOf(t, e).Drill([]reach.Loss{l})
			if err != nil {
				t.Fatal(err)
			}
			d := drills[0]
			var broken, after []string
			for _, b := range d.Broken {
				broken = append(broken, b.What)
			}
			for _, i := range c.after {
				after = append(after, e.Offerings[i].Name)
			}
			got := d.Outcomes[0].Default
			if stranded, _ := d.Findings(); got.Left != c.left || !slices.Equal(names(got.After), after) || stranded != c.stranded || !slices.Equal(broken, c.broken) {
				t.Errorf("left %s %v, %d stranded, broken %v; want %s %v, %d, %v", got.Left, names(got.After), stranded, broken, c.left, after, c.stranded, c.broken)
			}
			for _, x := range d.Withdrawn {
				if x.Stated != (x.By.Kind != reach.Infrastructure || x.Offering.DependsOn.Infrastructure != "") && x.By.Kind != reach.Contract {
					t.Errorf("%s goes with %s, stated %v", x.Offering.Name, x.By, x.Stated)
				}
			}
		})
	}
}

// An offering that is bought under no contract and says so outlives the loss of
// any, and counts as independent of all.
func TestDrill_WhoSaysThatThereIsNoContractOutlivesAll(t *testing.T) {
	for seed := range uint64(20) {
		e := newDice(seed).estate(2, 7)
		s := studyOf(t, e)
		for _, o := range e.Offerings {
			o.DependsOn = catalog.Dependencies{Infrastructure: "i", NoContract: true}
		}
		e.Offerings[0].DependsOn = catalog.Dependencies{Contract: "k1"}
		drills, err := s.Drill([]reach.Loss{{Kind: reach.Contract, Name: "k1"}})
		if err != nil {
			t.Fatal(err)
		}
		if w := drills[0].Withdrawn; len(w) != 1 || w[0].Offering != e.Offerings[0] || !w[0].Stated {
			t.Fatalf("seed %d: the loss of k1 takes %+v", seed, w)
		}
		for _, l := range s.Losses() {
			if l.Name == catalog.NoContract {
				t.Errorf("seed %d: %s can be lost", seed, l)
			}
		}
	}
}

func TestParseLoss_RefusesWhatIsNone(t *testing.T) {
	for _, text := range []string{"", "vendor", "vendor=", "colour=red", "=acme"} {
		if l, err := reach.ParseLoss(text); err == nil {
			t.Errorf("%q is read as %v", text, l)
		}
	}
}
