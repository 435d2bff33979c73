package commandline

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// keeps is a report of a module that keeps one book.
func keeps(module, book string, entries map[string]string) moduleReport {
	return moduleReport{Module: module, Books: map[string]map[string]string{book: entries}}
}

func TestBooksOfTheSameNameMustAgree(t *testing.T) {
	for _, c := range []struct {
		name    string
		reports []moduleReport
		ok      bool
		detail  string
	}{
		{"equal", []moduleReport{
			keeps("baskets", "checkouts", map[string]string{"b1": "USD 100"}),
			keeps("ordering", "checkouts", map[string]string{"b1": "USD 100"}),
		}, true, ""},
		{"a basket without an order", []moduleReport{
			keeps("baskets", "checkouts", map[string]string{"b1": "USD 100"}),
			keeps("ordering", "checkouts", map[string]string{}),
		}, false, "b1: baskets has USD 100, ordering has nothing"},
		{"an order without a basket", []moduleReport{
			keeps("baskets", "checkouts", map[string]string{}),
			keeps("ordering", "checkouts", map[string]string{"b1": ""}),
		}, false, "b1: baskets has nothing, ordering has "},
		{"another total", []moduleReport{
			keeps("baskets", "checkouts", map[string]string{"b1": "USD 100", "b2": "USD 1"}),
			keeps("ordering", "checkouts", map[string]string{"b1": "USD 101", "b2": "USD 1"}),
		}, false, "b1: baskets has USD 100, ordering has USD 101"},
		{"nobody to compare with", []moduleReport{
			keeps("baskets", "checkouts", map[string]string{"b1": "USD 100"}),
		}, true, "not compared: among the processes asked only baskets keeps it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := Verdict{OK: true}
			compareBooks(&v, c.reports)
			require.Equal(t, c.ok, v.OK)
			require.Len(t, v.Checks, 1)
			require.Equal(t, c.ok, v.Checks[0].OK)
			require.Equal(t, c.detail, v.Checks[0].Detail)
		})
	}
}

func TestReplicasCountOnce(t *testing.T) {
	lines := func(ok bool) []Check {
		return []Check{{Name: "ordering: no dead letters", OK: ok}, {Name: "ordering: read models", OK: true}}
	}
	replica := func(ok bool, behind, dead int64) moduleReport {
		r := keeps("ordering", "checkouts", map[string]string{"b1": "USD 100"})
		r.Checks, r.Behind, r.DeadLetters = lines(ok), behind, dead
		return r
	}
	v := Verdict{OK: true}
	merged := merge(&v, []moduleReport{replica(true, 0, 3), keeps("baskets", "checkouts", nil), replica(false, 2, 3)})
	require.Len(t, merged, 2)
	require.EqualValues(t, 2, merged[0].Behind)
	require.EqualValues(t, 3, merged[0].DeadLetters)
	require.Equal(t, lines(false), merged[0].Checks, "what one of them finds wrong is wrong")
	require.Equal(t, []Check{{Name: "the processes of ordering keep one set of books", OK: true}}, v.Checks)
	require.True(t, v.OK)

	other := replica(true, 0, 0)
	other.Books = map[string]map[string]string{"checkouts": {"b2": "USD 1"}}
	merge(&v, []moduleReport{replica(true, 0, 0), other})
	require.False(t, v.OK, "one of them has another database")
}

func TestOnlyTheFirstDifferencesAreNamed(t *testing.T) {
	many := map[string]string{}
	for _, key := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"} {
		many[key] = "1"
	}
	v := Verdict{OK: true}
	compareBooks(&v, []moduleReport{keeps("ordering", "reserved", many), keeps("depot", "reserved", nil)})
	require.False(t, v.OK)
	require.Contains(t, v.Checks[0].Detail, "j: ordering has 1")
	require.NotContains(t, v.Checks[0].Detail, "k: ")
	require.Contains(t, v.Checks[0].Detail, "and 2 more")
}
