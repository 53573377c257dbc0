//go:build !linux

package image

import "errors"

func exchange(string, string) error { return errors.ErrUnsupported }
