package commandline

import (
	"runtime"
	"runtime/debug"
)

// version is set at link time: -ldflags "-X mallbots/internal/commandline.version=v1.2.3".
var version = ""

// versionCommand prints what this binary was made of.
type versionCommand struct{}

// Run prints the version, the revision and the compiler.
func (v *versionCommand) Run(c *Console, p *Program) error {
	name, revision := version, "unknown revision"
	if info, ok := debug.ReadBuildInfo(); ok {
		if name == "" {
			name = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = s.Value
			}
		}
	}
	if name == "" {
		name = "(devel)"
	}
	c.Printf("%s %s, %s, %s %s/%s\n", p.Name, name, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
