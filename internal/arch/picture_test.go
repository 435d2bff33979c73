package arch

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	edge   = regexp.MustCompile(`(?m)^  (\w+) -- "(.*)" --> (\w+)$`)
	heard  = regexp.MustCompile(`inbox\.On\([\w.]+, m\.on(\w+)\)`)
	spoken = regexp.MustCompile(`(?m)^message (\w+) {$`)
)

// TestThePictureShowsWhoHearsWhat compares the picture of the README with what
// the modules have registered.
func TestThePictureShowsWhoHearsWhat(t *testing.T) {
	source := map[string]string{}
	for _, m := range modules {
		for _, event := range spoken.FindAllStringSubmatch(read(t, "proto/mallbots/"+m+"/v1/events.proto"), -1) {
			source[event[1]] = m
		}
	}
	var want, drawn []string
	for _, m := range modules {
		for _, event := range heard.FindAllStringSubmatch(read(t, m+"/module.go"), -1) {
			require.Contains(t, source, event[1], "%s hears what nobody says", m)
			want = append(want, source[event[1]]+" tells "+m+" "+event[1])
		}
	}
	for _, line := range edge.FindAllStringSubmatch(read(t, "README.md"), -1) {
		for event := range strings.SplitSeq(strings.ReplaceAll(line[2], "<br/>", ", "), ", ") {
			drawn = append(drawn, line[1]+" tells "+line[3]+" "+event)
		}
	}
	require.NotEmpty(t, want)
	slices.Sort(want)
	slices.Sort(drawn)
	require.Equal(t, want, drawn)
}
