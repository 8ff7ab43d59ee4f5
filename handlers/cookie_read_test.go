package handlers

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// asNetHTTP is cookieValue by net/http's own parser.
func asNetHTTP(r *http.Request, name string) (value string, found int) {
	for _, c := range r.CookiesNamed(name) {
		if found == 0 || c.Value != value {
			value = c.Value
			found++
		}
	}
	return value, found
}

func wantAsNetHTTP(t *testing.T, name string, lines ...string) {
	t.Helper()
	r := &http.Request{Header: http.Header{"Cookie": lines}}
	value, found := cookieValue(r, name)
	if v, n := asNetHTTP(r, name); v != value || n != found {
		t.Errorf("Cookie: %.200q: %s is %q, %d times; net/http has %q, %d times", lines, name, value, found, v, n)
	}
}

func TestCookiesAreReadAsNetHTTPDoes(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"", ";", " ; ", "=", "a", "a=", "a=1", "a=1; a=2", "a=1; a=1", "a=1;a=2;a=1", "A=1", "ab=1; a=2", "b=a=1", "a=b=c",
		" a=1", "a =1", "a\t=1 ", "a= 1 ", `a="1"`, `a="1`, `a=1"`, `a="`, `a=""`, `a=" 1 "`, `a="1;2"`, `a=1\2`, "a=\x7f", "a=\xff",
		"a=1\r\n;a=2", "a b=1", "a ;a=1", "a==1", "=a=1", "a=1,a=2", "\x00a=1", "a\x00=1", "a=\x001", "a; =1", "a\u00a0=1",
		strings.Repeat("x=1; ", 2998) + "a=1", strings.Repeat("x=1; ", 2999) + "a=1", strings.Repeat("x=1; ", 3000) + "a=1",
	} {
		wantAsNetHTTP(t, "a", line)
		wantAsNetHTTP(t, "a", line, "a=1")
		wantAsNetHTTP(t, "a", "a=2", line)
	}
	wantAsNetHTTP(t, "a")
	wantAsNetHTTP(t, "__Host-powgin", "_ga=GA1.1; __Host-powgin=abc; __Host-powgin-staff=def")
}

// Each byte, in each place that is looked at in another way.
func TestEveryByteOfACookieIsReadAsNetHTTPDoes(t *testing.T) {
	t.Parallel()
	for size := range 18 {
		for at := range size {
			value := bytes.Repeat([]byte("0"), size)
			for b := range 256 {
				value[at] = byte(b)
				wantAsNetHTTP(t, "a", "a="+string(value))
			}
		}
	}
}

func TestReadingACookieAllocatesNothing(t *testing.T) { //nolint:paralleltest // allocations are counted
	r := &http.Request{Header: http.Header{"Cookie": {"theme=dark; __Host-powgin=abcdefghijk; lang=en"}}}
	if n := testing.AllocsPerRun(100, func() {
		if v, found := cookieValue(r, "__Host-powgin"); v != "abcdefghijk" || found != 1 {
			panic(fmt.Sprint(v, found))
		}
	}); n != 0 {
		t.Errorf("it allocates %v times; want 0", n)
	}
}

// FuzzCookieValue holds what is read against net/http's parser.
func FuzzCookieValue(f *testing.F) {
	f.Add("a=1; b=2", "a=1", "a")
	f.Add(`a = "x" ;a=y`, "", "a")
	f.Add("__Host-powgin=x", ";;", "__Host-powgin")
	f.Fuzz(func(t *testing.T, first, second, name string) {
		for _, c := range []byte(name) {
			if !strings.ContainsRune("abcABC019-_.", rune(c)) {
				t.Skip("no name of a cookie of ours")
			}
		}
		if name == "" {
			t.Skip("no name")
		}
		wantAsNetHTTP(t, name, first, second)
	})
}
