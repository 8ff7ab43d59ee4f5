package main

import (
	"fmt"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	child, err := prepare()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if !child {
		os.Exit(m.Run())
	}
}
