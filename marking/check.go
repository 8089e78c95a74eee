package marking

import "slices"

// check holds the rules that look at more than one entry of a mark.
func (p *parser) check() {
	m := &p.out.Mark
	p.checkLevels(m)
	p.checkRelease(m)
	p.checkSCI(m)
	p.checkAEA(m)
	p.checkOthers(m)
	p.checkCUI(m)
	p.checkOwners(m)
}

func (p *parser) at(c Control) span { return p.controls[c] }

// checkLevels holds each control against the level.
func (p *parser) checkLevels(m *Mark) {
	for c := range m.Controls.All {
		switch low := controlRules[c].min; {
		case m.cuiOnly() && legacyCUI.Has(c):
			p.fail(ErrLegacyMarking, p.at(c), "a marking of old has no force in CUI")
		case c == FOUO && m.Classified():
			p.fail(ErrFOUOClassified, p.at(c), "FOUO stands on UNCLASSIFIED only")
		case c == FOUO:
			p.warn(WarnLegacyCUI, p.at(c), "CUI has replaced FOUO")
		case (c == SBU || c == SBUNOFORN) && m.Classified():
			p.fail(ErrSBUClassified, p.at(c), "SBU stands on UNCLASSIFIED only")
		case m.Level < low:
			p.fail(ErrLevelTooLow, p.at(c), controlRules[c].banner+" needs "+low.Word()+" or above")
		case c == NOFORN && m.Level == Unclassified && !m.CUI.Present && p.r.profile == DoD:
			p.fail(ErrLevelTooLow, p.at(c), "NOFORN needs CONFIDENTIAL or above (DoDM 5200.01)")
		case c == NOFORN && m.Level == Unclassified && !m.CUI.Present:
			p.warn(WarnProfile, p.at(c), "DoDM 5200.01 has no NOFORN on UNCLASSIFIED")
		}
	}
	if len(m.SAP) > 0 && m.Level < Confidential {
		p.fail(ErrLevelTooLow, p.level, "SAR needs CONFIDENTIAL or above")
	}
	if m.FGI.Present && m.System == US && m.Level < Confidential {
		p.fail(ErrLevelTooLow, p.fgiAt, "FGI stands on classified lines")
	}
}

// checkRelease holds the controls of foreign disclosure and release against each other.
func (p *parser) checkRelease(m *Mark) {
	has := m.Controls.Has
	if has(NOFORN) {
		for _, c := range [...]Control{RELTO, RELIDO, DISPLAYONLY} {
			if has(c) {
				p.fail(ErrNOFORNConflict, p.at(c), "NOFORN and "+controlRules[c].banner+" exclude each other")
			}
		}
	}
	if has(RELIDO) {
		for _, c := range [...]Control{NOFORN, DISPLAYONLY, ORCON, ORCONUSGOV} {
			if has(c) {
				p.fail(ErrRELIDOConflict, p.at(RELIDO), "RELIDO and "+controlRules[c].banner+" exclude each other")
			}
		}
	}
	if has(ORCON) && has(ORCONUSGOV) {
		p.fail(ErrORCONConflict, p.at(ORCONUSGOV), "ORCON and ORCON-USGOV exclude each other")
	}
	released := m.Controls&(releaseSet|setOf(SBUNOFORN, LESNOFORN)) != 0
	if m.System == US && m.Classified() && !released {
		p.warn(WarnNoFDR, p.level, "says not to whom it may be released; read as NOFORN")
	}
}

func (p *parser) checkSCI(m *Mark) {
	for _, s := range m.SCI {
		sys := p.r.table.systems[s.System]
		low, implied := sys.needs(s)
		if m.Level < low {
			p.fail(ErrLevelTooLow, p.sciAt, s.System+" as written needs "+low.Word())
		}
		if implied.Has(NOFORN) && !m.Controls.Has(NOFORN) {
			p.fail(ErrNeedsNOFORN, p.sciAt, s.System+" as written requires NOFORN")
		}
		if implied.Has(ORCON) && !m.Controls.Has(ORCON) {
			code := ErrSIGNeedsORCON
			if s.System == "HCS" {
				code = ErrHCSNeedsORCON
			}
			p.fail(code, p.sciAt, s.System+" as written requires ORCON")
		}
	}
}

func (p *parser) checkAEA(m *Mark) {
	a := m.AEA
	if a.Empty() {
		return
	}
	if a.kinds&(aeaRD|aeaFRD|aeaTFNI) != 0 && m.Level < Confidential {
		p.fail(ErrLevelTooLow, p.aeaAt, "RD, FRD and TFNI need CONFIDENTIAL or above")
	}
	if a.kinds&aeaCNWDI != 0 && m.Level == Confidential {
		if p.cnwdiN || p.r.profile == DoD {
			p.warn(WarnProfile, p.aeaAt, "the Register has CNWDI at SECRET and above")
		} else {
			p.fail(ErrLevelTooLow, p.aeaAt, "CNWDI needs SECRET or above")
		}
	}
	if !(a.sigmas[0].empty() && a.sigmas[1].empty()) && m.Level < Secret {
		p.fail(ErrLevelTooLow, p.aeaAt, "SIGMA needs SECRET or above")
	}
	if a.kinds&(aeaDCNI|aeaUCNI) != 0 && m.Classified() {
		p.fail(ErrUCNIClassified, p.aeaAt, "UCNI stands on UNCLASSIFIED only")
	}
}

// checkOthers holds the controls from outside the IC against the rest.
func (p *parser) checkOthers(m *Mark) {
	has := m.Controls.Has
	for _, pair := range [...][2]Control{{EXDIS, NODIS}, {SBU, SBUNOFORN}, {LES, LESNOFORN}} {
		if has(pair[0]) && has(pair[1]) {
			p.fail(ErrNonICConflict, p.at(pair[1]),
				controlRules[pair[0]].banner+" and "+controlRules[pair[1]].banner+" exclude each other")
		}
	}
	for _, c := range [...]Control{EXDIS, NODIS} {
		if !has(c) || has(NOFORN) {
			continue
		}
		if p.r.profile == DoD {
			p.warn(WarnProfile, p.at(c), "the Register requires NOFORN with "+controlRules[c].banner)
		} else {
			p.fail(ErrNeedsNOFORN, p.at(c), controlRules[c].banner+" requires NOFORN")
		}
	}
}

func (p *parser) checkCUI(m *Mark) {
	has := m.Controls.Has
	if !m.CUI.Present {
		if only := m.Controls & ldcOnly; only != 0 {
			p.fail(ErrLDCWithoutCUI, p.at(only.first()), "stands on CUI only")
		}
		return
	}
	for _, c := range [...]Control{FEDONLY, NOCON} {
		if has(c) && has(FEDCON) {
			p.fail(ErrCUILDCConflict, p.at(c), "FEDCON admits contractors, "+controlRules[c].banner+" does not")
		}
	}
	legal := func(s string) bool { return s == "PRIVILEGE" || s == "LEGAL" }
	if (has(AttorneyClient) || has(AttorneyWP)) && !slices.ContainsFunc(m.CUI.Basic, legal) &&
		!slices.ContainsFunc(m.CUI.Specified, legal) {
		p.warn(WarnProfile, p.level, "attorney controls stand with legal privilege")
	}
}

// checkOwners holds the rules of lines that are not of the US.
func (p *parser) checkOwners(m *Mark) {
	has := m.Controls.Has
	nato := m.System == NATO || slices.Contains(m.Countries, "NATO") ||
		m.FGI.Present && (len(m.FGI.Countries) == 0 || slices.Contains(m.FGI.Countries, "NATO"))
	for _, c := range m.NATOControls {
		if !nato {
			p.fail(ErrNATOControl, p.level, c+" is a control of NATO")
		} else if c != "ATOMAL" && m.Level != TopSecret {
			p.fail(ErrNATOLevel, p.level, c+" stands with COSMIC TOP SECRET only")
		}
	}
	if m.System == US {
		return
	}
	if m.FGI.Present {
		p.fail(ErrFGIInNonUS, p.fgiAt, "an FGI segment stands in US lines only")
	}
	if has(NOFORN) {
		if m.System == Joint {
			p.fail(ErrJointNOFORN, p.at(NOFORN), "what is jointly owned cannot be NOFORN")
		} else {
			p.fail(ErrNonUSNOFORN, p.at(NOFORN), "NOFORN on what is purely foreign")
		}
	}
	if m.System != Joint || !slices.Contains(m.Countries, "USA") {
		return
	}
	if m.Level == Restricted {
		p.fail(ErrJointRestricted, p.level, "JOINT with USA is never RESTRICTED")
	}
	if !has(RELTO) || len(m.RelTo) == 0 {
		if !m.bareREL() {
			p.fail(ErrJointNeedsRelTo, p.level, "JOINT with USA needs REL TO all its owners")
		}
		return
	}
	for _, c := range m.Countries {
		if !slices.Contains(m.RelTo, c) {
			p.fail(ErrJointRelTo, p.at(RELTO), "REL TO leaves out an owner: "+c)
		}
	}
}
