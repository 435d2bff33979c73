package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheReadmeListsEverySetting compares the tables of the README with the
// command line; UPDATE_GOLDEN=1 writes them.
func TestTheReadmeListsEverySetting(t *testing.T) {
	parser, err := mallbots().Parser()
	require.NoError(t, err)
	settings := "| Flag | Environment | Default | What it is |\n|---|---|---|---|\n"
	verbs := "| Command | What it does |\n|---|---|\n"
	for _, leaf := range parser.Model.Leaves(true) {
		verbs += fmt.Sprintf("| `mallbots %s` | %s |\n", leaf.Path(), leaf.Help)
		if leaf.Name != "serve" {
			continue
		}
		for _, flag := range leaf.Flags {
			settings += fmt.Sprintf("| `--%s` | `%s` | %s | %s |\n", flag.Name, flag.Envs[0], code(flag.Default), flag.Help)
		}
	}
	for heading, table := range map[string]string{"## Configuration": settings, "## Commands": verbs} {
		part := section(t, heading)
		old := tableRows.FindString(part)
		require.NotEmpty(t, old, heading)
		if os.Getenv("UPDATE_GOLDEN") != "" {
			text, err := os.ReadFile(readme)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(readme, []byte(strings.Replace(string(text), old, table, 1)), 0o600))
			continue
		}
		require.Equal(t, table, old, "write it with UPDATE_GOLDEN=1")
	}
}

// readme is the README of the repository.
var readme = filepath.Join("..", "..", "README.md")

// tableRows is the first table of a text.
var tableRows = regexp.MustCompile(`(?m)(^\|.*\|\n)+`)

// code writes text as code, and nothing as nothing.
func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

// TestTheTourIsAsTheReadmeSays takes the tour, and compares what it shows.
func TestTheTourIsAsTheReadmeSays(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		require.Empty(t, os.Getenv("CI"), "the tour needs curl")
		t.Skip("NOT RUN: the tour needs curl, which is not here")
	}
	p := start(t, "--data="+t.TempDir(), "--sample", "--bots=2")
	requireSample(t, p)
	binary, err := build()
	require.NoError(t, err)
	here := strings.NewReplacer("http://127.0.0.1:8080", p.url, "bin/mallbots audit", binary+" audit --ops="+p.ops, "-m 3 ", "-m 10 ")

	script, want := "", []string{}
	for _, step := range tourStep.FindAllStringSubmatch(section(t, "## A tour in five minutes"), -1) {
		script += here.Replace(step[1])
		if step[2] != "" {
			script += "echo " + stop + "\n"
			want = append(want, step[3])
		}
	}
	require.NotEmpty(t, want)
	cmd := exec.CommandContext(t.Context(), "sh", "-s")
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	got := strings.Split(string(out), stop+"\n")
	for n := range want {
		require.Equal(t, plain(want[n]), plain(got[n]), "step %d of the tour; what it shows now:\n%s", n+1, got[n])
	}
}

// stop marks the end of what a step shows.
const stop = "--- that was it ---"

// tourStep is what to type, and what it shows.
var tourStep = regexp.MustCompile("(?s)```sh\n(.*?)```\n(\n```text\n(.*?)```\n)?")

// plain is a text without what differs from time to time.
func plain(text string) string {
	text = times.ReplaceAllString(uuid7.ReplaceAllString(text, "ID"), "TIME")
	text = regexp.MustCompile(`\d+ checks`).ReplaceAllString(text, "N checks")
	return strings.TrimSpace(strings.ReplaceAll(text, "\n\n", "\n"))
}

// section is a part of the README, without its heading.
func section(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile(readme)
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(text), "\n"+heading+"\n")
	require.True(t, ok, "the README has no %q", heading)
	part, _, _ := strings.Cut(rest, "\n## ")
	return part
}
