package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// The app prints where it listens, answers there, and ends when it is told to.
func TestRunServesUntilStopped(t *testing.T) {
	t.Parallel()
	for _, store := range []string{"cookie", "memstore", "gorm"} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			wantServesUntilStopped(t, store)
		})
	}
}

func wantServesUntilStopped(t *testing.T, store string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, environ("ADDR=127.0.0.1:0", "SESSIONS="+store, "DATABASE="+filepath.Join(t.TempDir(), "a b?.db")), in)
		_ = in.Close()
	}()
	url := listening(t, out)
	res, err := http.Get(url + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("GET /healthz = %d; want 200", res.StatusCode)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("run ends with %v; want nil", err)
	}
}

func listening(t *testing.T, out io.Reader) string {
	t.Helper()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return url
		}
	}
	t.Fatal("the app ended without listening")
	return ""
}

func TestRunTellsWhyItCannotStart(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, want string
		env        []string
	}{
		{"a database that is a directory", "DATABASE=", []string{"DATABASE=" + t.TempDir()}},
		{"an address that is not ours", "ADDR=192.0.2.1:1", []string{"ADDR=192.0.2.1:1", "DATABASE=:memory:"}},
		{"times that do not fit together", "TTL", []string{"TTL=1m", "RENEW=2m", "DATABASE=:memory:"}},
		{"no store of that name", `CACHE="files"`, []string{"CACHE=files"}},
		{"no transport of that name", `TRANSPORT="pigeon"`, []string{"TRANSPORT=pigeon"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			err := run(t.Context(), environ(row.env...), io.Discard)
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("run = %v; want an error that names %s", err, row.want)
			}
		})
	}
}
