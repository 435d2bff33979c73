package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"mallbots/internal/broker"
	"mallbots/internal/host/hosttest"
)

const natsRights = "../../docker/nats-rights.conf"

// TestTheRightsOfTheContainersAreThoseOfTheModules compares the file with what
// mallbots permissions nats prints; UPDATE_GOLDEN=1 writes it.
func TestTheRightsOfTheContainersAreThoseOfTheModules(t *testing.T) {
	out, errs, code := output(t, 30*time.Second, "permissions", "nats")
	require.Zero(t, code, errs)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile(natsRights, []byte(out), 0o600))
	}
	text, err := os.ReadFile(natsRights)
	require.NoError(t, err)
	require.Equal(t, out, string(text), "write it with UPDATE_GOLDEN=1")
}

// TestServicesWorkOnTheBrokerOfTheirComposeFile gives the configuration of
// compose.services.yaml to a real NATS server, and has the four services work on
// it, each as its own user.
func TestServicesWorkOnTheBrokerOfTheirComposeFile(t *testing.T) {
	file := "../../docker/compose.services.yaml"
	config := readComposed(t, file).Configs["nats"].Content
	dir := t.TempDir()
	rights, err := os.ReadFile(natsRights)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rights.conf"), rights, 0o600))
	for from, to := range map[string]string{"http: 127.0.0.1:8222": "http: 127.0.0.1:-1", "store_dir: /data": "store_dir: " + dir + "/data"} {
		require.Contains(t, config, from)
		config = strings.ReplaceAll(config, from, to)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "nats.conf"), []byte(config), 0o600))
	for name := range readComposed(t, file).Services["nats"].Environment {
		t.Setenv(name, "p"+strings.ToLower(strings.ReplaceAll(name, "_", "")))
	}
	options, err := natsserver.ProcessConfigFile(filepath.Join(dir, "nats.conf"))
	require.NoError(t, err)
	require.Len(t, options.Users, len(modules)+1)
	options.Host, options.Port, options.NoSigs, options.NoLog = "127.0.0.1", -1, true, true
	server, err := natsserver.NewServer(options)
	require.NoError(t, err)
	server.Start()
	t.Cleanup(server.Shutdown)
	require.True(t, server.ReadyForConnections(10*time.Second))

	var ops []string
	for _, m := range modules {
		name := broker.PasswordVariable(m.Name)
		require.Contains(t, readComposed(t, file).Services[m.Name].Environment, name)
		cmd := program(t, context.WithoutCancel(t.Context()), "serve", "--http=127.0.0.1:0", "--ops=127.0.0.1:0", "--log-level=warn",
			"--modules="+m.Name, "--nats-url="+server.ClientURL(), "--data="+t.TempDir())
		cmd.Env = append(cmd.Env, name+"="+os.Getenv(name))
		p := await(t, cmd)
		ops = append(ops, p.ops)
		hosttest.Eventually(t, func() bool {
			_, _, code := output(t, 30*time.Second, "healthcheck", "--ops="+p.ops)
			return code == 0
		}, "%s: %s", m.Name, p.log)
	}
	out, errs, code := output(t, time.Minute, "audit", "--ops="+strings.Join(ops, ","), "--wait=20s")
	require.Zero(t, code, out+errs)
}
