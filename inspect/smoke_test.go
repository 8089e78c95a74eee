package inspect_test

import (
	"testing"

	"bulkhead/inspect"
	"bulkhead/marking"
)

func scan(pieces ...string) inspect.Result {
	s := inspect.New(marking.NewRegister(marking.Shipped(), marking.IC))
	for _, p := range pieces {
		s.ScanString(p)
	}
	return s.Result()
}

func TestSmoke(t *testing.T) {
	for _, x := range []string{"Secret//NF", "SECRET // NOFORN", "S//NF", "U//CUI", "hello (S//NF) foo", "(TS//SI-G ABCD//OC/NF) The", "The doc is SECRET//NOFORN and must", "//NATO SECRET", "(//GBR S) foo", "TOP SECRET//SI//REL TO USA, FVEY//", "// TODO: SECRET", "SECRET//WOMBAT", "SECRET // the api key", "secret//noforn yes", "SECRET\n", "see (S) and", "ＳＥＣＲＥＴ//ＮＯＦＯＲＮ", "SEC\u200bRET//NOFORN", "SECRET\\/\\/NOFORN"} {
		r := scan(x)
		t.Log(x, r.Found, r.Label, r.Highest.Offset, r.Highest.Length, r.Unread)
	}
	r := scan("foo SEC", "RET/", "/NOF", "ORN bar")
	t.Log(r.Found, r.Label, r.Highest)
}
