package commandline

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// mostDifferences is how many differences between two books are named.
const mostDifferences = 10

// merge makes one report of those that several processes give of one module.
// They read one database, so that nothing counts twice; when they don't, the
// module runs twice.
func merge(v *Verdict, reports []moduleReport) []moduleReport {
	var merged []moduleReport
	for _, r := range reports {
		at := slices.IndexFunc(merged, func(m moduleReport) bool { return m.Module == r.Module })
		if at < 0 {
			r.Checks = slices.Clone(r.Checks)
			merged = append(merged, r)
			continue
		}
		first := &merged[at]
		first.Behind, first.DeadLetters = max(first.Behind, r.Behind), max(first.DeadLetters, r.DeadLetters)
		for _, line := range r.Checks {
			same := slices.IndexFunc(first.Checks, func(c Check) bool { return c.Name == line.Name })
			switch {
			case same < 0:
				first.Checks = append(first.Checks, line)
			case first.Checks[same].OK:
				first.Checks[same] = line
			}
		}
		var problems []string
		for _, name := range slices.Sorted(maps.Keys(r.Books)) {
			if problem := differences(*first, r, name); problem != "" {
				problems = append(problems, name+": "+problem)
			}
		}
		v.add("the processes of "+r.Module+" keep one set of books", strings.Join(problems, "; "))
	}
	return merged
}

// compareBooks checks that modules which keep a book of the same name agree
// key by key: baskets and ordering about check-outs, ordering and depot about
// what is reserved, stores and baskets about prices.
func compareBooks(v *Verdict, reports []moduleReport) {
	keepers := map[string][]moduleReport{}
	for _, r := range reports {
		for name := range r.Books {
			keepers[name] = append(keepers[name], r)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(keepers)) {
		keepersOf := keepers[name]
		if len(keepersOf) == 1 {
			v.Checks = append(v.Checks, Check{
				Name: "book of " + name, OK: true,
				Detail: fmt.Sprintf("not compared: among the processes asked only %s keeps it", keepersOf[0].Module),
			})
			continue
		}
		first := keepersOf[0]
		for _, other := range keepersOf[1:] {
			problem := differences(first, other, name)
			v.add(fmt.Sprintf("%s and %s agree on %s", first.Module, other.Module, name), problem)
		}
	}
}

// differences names the keys of a book on which two modules don't agree.
func differences(a, b moduleReport, book string) string {
	keys := slices.Collect(maps.Keys(a.Books[book]))
	for key := range b.Books[book] {
		if _, ok := a.Books[book][key]; !ok {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	var named []string
	total := 0
	for _, key := range keys {
		one, inOne := a.Books[book][key]
		two, inTwo := b.Books[book][key]
		if one == two && inOne == inTwo {
			continue
		}
		if total++; total <= mostDifferences {
			named = append(named, fmt.Sprintf("%s: %s has %s, %s has %s", key, a.Module, entry(one, inOne), b.Module, entry(two, inTwo)))
		}
	}
	if total > mostDifferences {
		named = append(named, fmt.Sprintf("and %d more", total-mostDifferences))
	}
	return strings.Join(named, "; ")
}

func entry(value string, there bool) string {
	if !there {
		return "nothing"
	}
	return value
}
