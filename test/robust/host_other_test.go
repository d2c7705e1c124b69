//go:build !linux

package robust

import "errors"

func renameHost(string) error { return errors.New("only Linux has a host name per thread") }
