//go:build !linux

package sqlstores

import "errors"

var noSpace = errors.ErrUnsupported

func mount(string) error   { return errors.ErrUnsupported }
func unmount(string) error { return nil }
