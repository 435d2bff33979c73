//go:build !linux

package broker

import "syscall"

// dieWithParent is for Linux; elsewhere the child ends by its time limit.
func dieWithParent() *syscall.SysProcAttr { return nil }

// limitMemory is for Linux; elsewhere only the time is bounded.
func limitMemory(uint64) error { return nil }
