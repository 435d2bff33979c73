package arch

import (
	"regexp"
	"slices"
	"strings"
)

// mention is a table that a statement names.
type mention struct {
	table  string
	writes bool
	offset int
}

var (
	statement  = regexp.MustCompile(`(?is)\b(?:select\b.*\bfrom|insert\s+into|update\s+\S+\s+set|delete\s+from|truncate|(?:create|alter|drop)\s+(?:unique\s+)?(?:table|index|view))\b`)
	clause     = regexp.MustCompile(`\b(?:FROM|JOIN|INTO)\s`)
	word       = regexp.MustCompile(`--[^\n]*|'(?:[^']|'')*'|"[^"]+"|[A-Za-z_][A-Za-z0-9_]*|[0-9]+|\x00|%[a-z]|[^\s]`)
	identifier = regexp.MustCompile(`^(?:[A-Za-z_][A-Za-z0-9_]*|"[^"]+"|\x00|%[a-z])$`)
)

// ends are the words that cannot be the alias of a table.
var ends = []string{
	"WHERE", "ORDER", "GROUP", "HAVING", "LIMIT", "OFFSET", "JOIN", "LEFT", "RIGHT", "FULL", "INNER", "CROSS", "OUTER", "NATURAL",
	"ON", "USING", "SET", "UNION", "EXCEPT", "INTERSECT", "RETURNING", "VALUES", "FOR", "WINDOW", "SELECT", "DO",
}

type sqlWord struct {
	text   string
	offset int
}

func (w sqlWord) is(keywords ...string) bool {
	return slices.Contains(keywords, strings.ToUpper(w.text))
}

// sqlWords are the words of a statement, comments left out.
func sqlWords(sql string) []sqlWord {
	var words []sqlWord
	for _, at := range word.FindAllStringIndex(sql, -1) {
		if found := sql[at[0]:at[1]]; !strings.HasPrefix(found, "--") {
			words = append(words, sqlWord{found, at[0]})
		}
	}
	return words
}

// isSQL tells statements, and parts of them, from other texts.
func isSQL(value string) bool { return statement.MatchString(value) || clause.MatchString(value) }

// mentions are the tables that a statement names; those that it makes up for
// itself (WITH) are left out.
func mentions(sql string) []mention {
	words := sqlWords(sql)
	at := func(i int) sqlWord {
		if i < 0 || i >= len(words) {
			return sqlWord{}
		}
		return words[i]
	}
	own := namedByWith(words)
	var found []mention
	// table reads the name at i, says whether there is one, and where it ends.
	table := func(i int, writes bool) (next int) {
		if !identifier.MatchString(at(i).text) || at(i).is(ends...) {
			return i
		}
		m := mention{strings.Trim(at(i).text, `"`), writes, at(i).offset}
		for i++; at(i).text == "."; i += 2 {
			m.table += "." + strings.Trim(at(i+1).text, `"`)
		}
		if !own[strings.ToLower(m.table)] {
			m.table = strings.ToLower(m.table)
			found = append(found, m)
		}
		return i
	}
	for i := range words {
		switch {
		case at(i).is("FROM") && !at(i-1).is("DISTINCT"):
			table(i+1, at(i-1).is("DELETE"))
			for next := itemEnd(words, i+1); at(next).text == ","; next = itemEnd(words, next+1) {
				table(next+1, false)
			}
		case at(i).is("JOIN"):
			table(i+1, false)
		case at(i).is("INTO"):
			table(i+1, true)
		case at(i).is("UPDATE") && !at(i-1).is("DO", "FOR", "KEY"), at(i).is("TRUNCATE") && !at(i+1).is("TABLE"):
			table(i+1, true)
		case at(i).is("TABLE") && at(i-1).is("CREATE", "ALTER", "DROP", "TRUNCATE", "TEMPORARY", "TEMP", "UNLOGGED"):
			for i++; at(i).is("IF", "NOT", "EXISTS", "ONLY"); i++ {
			}
			table(i, true)
		case at(i).is("ON") && createsIndex(words, i):
			table(i+1, true)
		}
	}
	return found
}

// itemEnd is behind one item of FROM: a table or a query in parentheses, and
// its alias.
func itemEnd(words []sqlWord, i int) int {
	at := func(i int) sqlWord {
		if i >= len(words) {
			return sqlWord{}
		}
		return words[i]
	}
	if at(i).text == "(" {
		for depth := 0; i < len(words); i++ {
			if at(i).text == "(" {
				depth++
			} else if at(i).text == ")" {
				if depth--; depth == 0 {
					break
				}
			}
		}
	}
	for i++; at(i).text == "."; i += 2 {
	}
	if at(i).is("AS") {
		i++
	}
	if identifier.MatchString(at(i).text) && !at(i).is(ends...) {
		i++
	}
	return i
}

// namedByWith are the names that WITH gives to queries.
func namedByWith(words []sqlWord) map[string]bool {
	own := map[string]bool{}
	for i := 1; i+1 < len(words); i++ {
		if !words[i].is("AS") || !(words[i+1].text == "(" || words[i+1].is("MATERIALIZED", "NOT")) {
			continue
		}
		j := i - 1
		if words[j].text == ")" { // the names of its columns
			for j > 0 && words[j].text != "(" {
				j--
			}
			j--
		}
		if j > 0 && (words[j-1].is("WITH", "RECURSIVE") || words[j-1].text == ",") {
			own[strings.ToLower(words[j].text)] = true
		}
	}
	return own
}

// createsIndex says whether the ON at i is that of CREATE INDEX name ON.
func createsIndex(words []sqlWord, i int) bool {
	for j := max(0, i-6); j < i; j++ {
		if words[j].is("INDEX") {
			return true
		}
	}
	return false
}
