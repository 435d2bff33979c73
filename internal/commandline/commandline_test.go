package commandline

import (
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/host"
)

// leaves are the commands of a program, and their flags with their defaults.
func leaves(t *testing.T, p *Program) map[string]map[string]string {
	t.Helper()
	parser, err := p.Parser()
	require.NoError(t, err)
	all := map[string]map[string]string{}
	for _, leaf := range parser.Model.Leaves(true) {
		flags := map[string]string{}
		for _, group := range leaf.AllFlags(false) {
			for _, flag := range group {
				flags[flag.Name+" "+flag.Help] = flag.Default
			}
		}
		all[leaf.Path()] = flags
	}
	return all
}

// A service differs from any other in its modules, and in nothing else.
func TestEveryServiceTakesTheSameCommandsAndFlags(t *testing.T) {
	stores := leaves(t, Service(host.Module{Name: "stores"}))
	depot := leaves(t, Service(host.Module{Name: "depot"}))
	const which = "modules The modules to run."
	require.Equal(t, "stores", stores["serve"][which])
	require.Equal(t, "depot", depot["serve"][which])
	for _, command := range []string{"serve", "migrate"} {
		stores[command][which], depot[command][which] = "", ""
	}
	require.Equal(t, stores, depot)
	for _, command := range []string{"audit", "deadletters retry", "projections rebuild", "why", "orders stuck", "events tail", "migrate", "healthcheck", "version"} {
		require.Contains(t, stores, command)
	}
}
