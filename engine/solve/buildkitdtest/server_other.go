//go:build !linux

package buildkitdtest

import "syscall"

func contained() *syscall.SysProcAttr { return nil }

func bound() *syscall.SysProcAttr { return nil }
