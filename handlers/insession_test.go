package handlers

import (
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	gorilla "github.com/gorilla/sessions"
)

func TestHarden(t *testing.T) {
	t.Parallel()
	const (
		idle  = 30 * time.Minute
		month = 30 * 24 * time.Hour
	)
	for what, tt := range map[string]struct {
		carrier    InSession
		line       string
		brief      bool
		remembered time.Duration
		want       string
	}{
		"a bare one": {InSession{Secure: true}, "shop=1", false, 0, "shop=1; Path=/; HttpOnly; Secure; SameSite=Lax"},
		"one that is remembered": {InSession{}, "shop=1", false, month,
			"shop=1; Path=/; Expires=Mon, 31 Jan 2000 00:00:00 GMT; Max-Age=2592000; HttpOnly; SameSite=Lax"},
		"one that is remembered, whatever the options were": {InSession{}, "shop=1; Max-Age=60", true, month,
			"shop=1; Path=/; Expires=Mon, 31 Jan 2000 00:00:00 GMT; Max-Age=2592000; HttpOnly; SameSite=Lax"},
		"one that stays longer than it is remembered": {InSession{}, "shop=1; Max-Age=9999999", false, month,
			"shop=1; Path=/; Max-Age=9999999; HttpOnly; SameSite=Lax"},
		"one that ends with the browser": {InSession{}, "shop=1; Max-Age=9999999; Expires=Sat, 01 Jan 2050 00:00:00 GMT", true, 0,
			"shop=1; Path=/; HttpOnly; SameSite=Lax"},
		"one of an idle time": {InSession{}, "shop=1; Max-Age=1800", false, 0, "shop=1; Path=/; Max-Age=1800; HttpOnly; SameSite=Lax"},
		"a shorter one": {InSession{}, "shop=1; Max-Age=1799", false, 0,
			"shop=1; Path=/; Expires=Sat, 01 Jan 2000 00:30:00 GMT; Max-Age=1800; HttpOnly; SameSite=Lax"},
		"a deletion":                   {InSession{}, "shop=; Max-Age=0", true, month, "shop=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"},
		"a deletion with a value":      {InSession{}, "shop=1; Max-Age=0", true, month, "shop=1; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"},
		"a value between quotes":       {InSession{}, `shop="1"`, false, 0, `shop="1"; Path=/; HttpOnly; SameSite=Lax`},
		"a partitioned one":            {InSession{Secure: true}, "shop=1; Partitioned", false, 0, "shop=1; Path=/; HttpOnly; Secure; SameSite=Lax; Partitioned"},
		"what this server cannot read": {InSession{Secure: true}, `shop=a"b; SameSite=None`, false, month, `shop=a"b; SameSite=None`},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // in a bubble it is the first of January 2000
				carrier := inSession{tt.carrier}
				if got := carrier.harden(tt.line, tt.brief, idle, tt.remembered); got != tt.want {
					t.Errorf("harden(%q) = %q; want %q", tt.line, got, tt.want)
				}
			})
		})
	}
}

func TestReplacedRecordsAsText(t *testing.T) {
	t.Parallel()
	carrier := inSession{InSession{Key: "powgin"}}
	for what, tt := range map[string]struct {
		list []record
		text string
		back []record // nil for those that went in
	}{
		"none":                      {nil, "", nil},
		"one":                       {[]record{{id: "a", cookie: "A"}}, "a\tA\n", nil},
		"two, one without a cookie": {[]record{{id: "a", cookie: "A"}, {id: "b"}}, "a\tA\nb\t\n", nil},
		"some that do not fit": {
			[]record{{id: "a\tb", cookie: "A"}, {id: "c", cookie: "C"}, {id: "d", cookie: "D\nE"}}, "c\tC\n", []record{{id: "c", cookie: "C"}},
		},
	} {
		text := formatRecords(tt.list)
		if text != tt.text {
			t.Errorf("%s: formatRecords = %q; want %q", what, text, tt.text)
		}
		want := tt.back
		if want == nil {
			want = tt.list
		}
		if got := carrier.replaced(map[any]any{"powgin.replaced": text}); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: replaced(%q) = %+v; want %+v", what, text, got, want)
		}
	}
	for what, value := range map[string]any{"nothing": nil, "a number": 7, "a line without a tab": "a\n", "one without an ID": "\tA\n", "line breaks": "\n\n"} {
		if got := carrier.replaced(map[any]any{"powgin.replaced": value}); got != nil {
			t.Errorf("%s: replaced = %+v; want none", what, got)
		}
	}
}

func TestLastFor(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		age  int
		d    time.Duration
		want int
	}{
		{0, time.Minute, 60}, {59, time.Minute, 60}, {60, time.Minute, 60}, {61, time.Minute, 61}, {-1, time.Minute, -1},
		{0, time.Nanosecond, 1}, {1, 1500 * time.Millisecond, 2}, {0, 0, 0}, {7, 0, 7},
	} {
		before := &gorilla.Options{Path: "/shop", MaxAge: tt.age}
		session := &gorilla.Session{Options: before}
		lastFor(session, tt.d)
		if got := session.Options; got.MaxAge != tt.want || got.Path != "/shop" {
			t.Errorf("lastFor(MaxAge %d, %v) leaves %+v; want MaxAge %d", tt.age, tt.d, got, tt.want)
		}
		if before.MaxAge != tt.age {
			t.Errorf("lastFor(MaxAge %d, %v) has changed the options that were there, which others may share", tt.age, tt.d)
		}
	}
}

// Set-ups whose carriers have one name are refused in one chain.
func TestTheNameOfACarrier(t *testing.T) {
	t.Parallel()
	seen := map[string]InSession{}
	for _, in := range []InSession{{Key: "a"}, {Key: "b"}, {Key: "a", Session: "shop"}, {Key: "b", Session: "shop"}} {
		carrier := inSession{in}
		name := carrier.name()
		if other, ok := seen[name]; ok || !strings.Contains(name, in.Key) {
			t.Errorf("the carrier %+v has the name %q, as %+v", in, name, other)
		}
		seen[name] = in
	}
}
