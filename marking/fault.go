package marking

import "fmt"

// Code names a fault of a mark, for machines. E_ codes make a mark invalid, W_ codes do not.
type Code string

// The codes of faults.
const (
	ErrAEACNWDIParent    Code = "E_AEA_CNWDI_PARENT"
	ErrAEASigma          Code = "E_AEA_SIGMA"
	ErrBadSeparator      Code = "E_BAD_SEPARATOR"
	ErrCase              Code = "E_CASE"
	ErrCategoryOrder     Code = "E_CATEGORY_ORDER"
	ErrCategoryRepeat    Code = "E_CATEGORY_REPEAT"
	ErrCUIControlMissing Code = "E_CUI_CONTROL_MISSING"
	ErrCUILDCConflict    Code = "E_CUI_LDC_CONFLICT"
	ErrCUILDCOrder       Code = "E_CUI_LDC_ORDER"
	ErrCUIOrder          Code = "E_CUI_ORDER"
	ErrCUIPortionControl Code = "E_CUI_PORTION_CONTROL"
	ErrCUIPrefix         Code = "E_CUI_PREFIX"
	ErrCUISpecifiedFirst Code = "E_CUI_SPECIFIED_FIRST"
	ErrDisplayEmpty      Code = "E_DISPLAY_EMPTY"
	ErrDissemOrder       Code = "E_DISSEM_ORDER"
	ErrDuplicate         Code = "E_DUPLICATE"
	ErrEmpty             Code = "E_EMPTY"
	ErrFGIInNonUS        Code = "E_FGI_IN_NONUS"
	ErrFGIUSA            Code = "E_FGI_USA"
	ErrForm              Code = "E_FORM"
	ErrFOUOClassified    Code = "E_FOUO_CLASSIFIED"
	ErrHCSNeedsORCON     Code = "E_HCS_NEEDS_ORCON"
	ErrJointNeedsRelTo   Code = "E_JOINT_NEEDS_RELTO"
	ErrJointNOFORN       Code = "E_JOINT_NOFORN"
	ErrJointRelTo        Code = "E_JOINT_RELTO_MISMATCH"
	ErrJointRestricted   Code = "E_JOINT_RESTRICTED"
	ErrLDCWithoutCUI     Code = "E_LDC_WITHOUT_CUI"
	ErrLegacyMarking     Code = "E_LEGACY_MARKING"
	ErrLevel             Code = "E_LEVEL"
	ErrLevelTooLow       Code = "E_LEVEL_TOO_LOW"
	ErrListOrder         Code = "E_LIST_ORDER"
	ErrListSeparator     Code = "E_LIST_SEPARATOR"
	ErrNATOControl       Code = "E_NATO_CONTROL"
	ErrNATOLevel         Code = "E_NATO_LEVEL"
	ErrNeedsNOFORN       Code = "E_NEEDS_NOFORN"
	ErrNOFORNConflict    Code = "E_NOFORN_CONFLICT"
	ErrNonICConflict     Code = "E_NONIC_CONFLICT"
	ErrNonUSNOFORN       Code = "E_NONUS_NOFORN"
	ErrNoClassification  Code = "E_NO_CLASSIFICATION"
	ErrORCONConflict     Code = "E_ORCON_CONFLICT"
	ErrPortionParens     Code = "E_PORTION_PARENS"
	ErrRELIDOConflict    Code = "E_RELIDO_CONFLICT"
	ErrRelToEmpty        Code = "E_RELTO_EMPTY"
	ErrRelToUSAAlone     Code = "E_RELTO_USA_ALONE"
	ErrRelToUSAFirst     Code = "E_RELTO_USA_FIRST"
	ErrSBUClassified     Code = "E_SBU_CLASSIFIED"
	ErrSCIOrder          Code = "E_SCI_ORDER"
	ErrSCISyntax         Code = "E_SCI_SYNTAX"
	ErrSIGNeedsORCON     Code = "E_SI_G_NEEDS_ORCON"
	ErrUCNIClassified    Code = "E_UCNI_CLASSIFIED"
	ErrUnknownCountry    Code = "E_UNKNOWN_COUNTRY"
	ErrUnknownToken      Code = "E_UNKNOWN_TOKEN"
	ErrWhitespace        Code = "E_WHITESPACE"

	// WarnLegacy is for a form of old that has a new name.
	WarnLegacy Code = "W_LEGACY"
	// WarnLegacyCUI is for FOUO, which CUI has replaced.
	WarnLegacyCUI Code = "W_LEGACY_CUI"
	// WarnNoFDR is for a classified US mark that does not say to whom it may be released; it is read as NOFORN.
	WarnNoFDR Code = "W_NO_FDR"
	// WarnProfile is for what one text of rules allows and another does not.
	WarnProfile Code = "W_PROFILE"
	// WarnUnknownEntry is for a name that its table does not hold; it is kept and restricts.
	WarnUnknownEntry Code = "W_UNKNOWN_ENTRY"
)

// Fault is one thing wrong, or worth a warning, in a mark. Offset and Length are bytes of the text that was read.
type Fault struct {
	Code    Code   `json:"code"`
	Offset  int    `json:"offset"`
	Length  int    `json:"length"`
	Message string `json:"message"`
}

// Error is the code, place and message.
func (f Fault) Error() string {
	return fmt.Sprintf("%s at %d+%d: %s", f.Code, f.Offset, f.Length, f.Message)
}
