package cache

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
)

var (
	keyA = bytes.Repeat([]byte("a"), 32)
	keyB = bytes.Repeat([]byte("b"), 32)
)

func TestTokensComeBackAsTheyWent(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		keys [][]byte
		size int
	}{
		{"without keys", nil, 66},
		{"with a key", [][]byte{keyA}, 87},
		{"with two keys", [][]byte{keyA, keyB}, 87},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			x := NewTokens("app", Cookie, row.keys)
			for range 100 {
				token := NewToken(AccountID(NewID()))
				text := x.Format(token)
				if len(text) != row.size {
					t.Fatalf("len(%q) = %d; want %d", text, len(text), row.size)
				}
				if got, ok := x.Parse(text); !ok || got != token {
					t.Fatalf("Parse(Format(token)) = %v; want the token", ok)
				}
			}
		})
	}
}

func TestATokenHasOneText(t *testing.T) {
	t.Parallel()
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for _, keys := range [][][]byte{nil, {keyA}} {
		x := NewTokens("app", Cookie, keys)
		text := x.Format(numberedToken(1))
		raw, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		n := len(text)
		// The last character carries bits that say nothing. Each other value
		// of them decodes to the same bytes where one is not strict.
		var trailing []string
		for _, c := range alphabet {
			other := text[:n-1] + string(c)
			if b, _ := base64.RawURLEncoding.DecodeString(other); bytes.Equal(b, raw) && other != text {
				trailing = append(trailing, other)
			}
		}
		if len(raw)%3 != 0 && len(trailing) == 0 {
			t.Error("no text with other trailing bits was found")
		}
		version := append([]byte{tokenFormat + 1}, raw[1:]...)
		others := append(trailing,
			"", text[:n-1], text+"A", text+"=", text+"==",
			text[:10]+"\n"+text[10:], text[:10]+"\r"+text[11:], text[:n-1]+"\n", "\r\n"+text[2:], text+"\n", "\n"+text,
			" "+text[1:], text[:n-1]+" ", text[:5]+"+"+text[6:], text[:5]+"/"+text[6:], text[:5]+"="+text[6:], text[:5]+"\x00"+text[6:], text[:5]+"é"+text[7:],
			base64.StdEncoding.EncodeToString(raw), base64.URLEncoding.EncodeToString(raw)+"==",
			base64.RawURLEncoding.EncodeToString(version),
			strings.Repeat("A", n), strings.Repeat("A", 1<<20), text+text,
		)
		for _, other := range others {
			if other == text {
				continue
			}
			if got, ok := x.Parse(other); ok && got == numberedToken(1) {
				t.Errorf("Parse(%.100q) is the token of %q", other, text)
			} else if ok && x.Format(got) != other {
				t.Errorf("Parse(%.100q) accepts what Format did not write", other)
			}
		}
	}
}

// The layout is a promise to the tokens that clients hold already: a change
// here signs everybody out.
func TestTheLayoutOfATokenIsSpelledOut(t *testing.T) {
	t.Parallel()
	token := numberedToken(1)
	plain := append([]byte{1}, token.account[:]...)
	plain = append(plain, token.secret[:]...)
	m := hmac.New(sha256.New, keyA)
	m.Write([]byte("powgin token mac v1\x00"))
	m.Write([]byte{3, 0, 3})
	m.Write([]byte("app"))
	m.Write(plain)
	signed := append(bytes.Clone(plain), m.Sum(nil)[:16]...)
	for _, row := range []struct {
		name string
		keys [][]byte
		want []byte
	}{
		{"version, account and secret", nil, plain},
		{"and with a key half a SHA-256 over what it is for and all of it", [][]byte{keyA}, signed},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got := NewTokens("app", Bearer, row.keys).Format(token); got != base64.RawURLEncoding.EncodeToString(row.want) {
				t.Errorf("Format = %s; want the base64 of %x", got, row.want)
			}
		})
	}
}

// The MAC covers everything of the token, and what it is for.
func TestAForgedTokenIsRefused(t *testing.T) {
	t.Parallel()
	x := NewTokens("app", Cookie, [][]byte{keyA})
	raw, _ := base64.RawURLEncoding.DecodeString(x.Format(numberedToken(1)))
	for i := range raw {
		forged := bytes.Clone(raw)
		forged[i] ^= 1
		if _, ok := x.Parse(base64.RawURLEncoding.EncodeToString(forged)); ok {
			part := "MAC"
			switch {
			case i == 0:
				part = "version"
			case i < 17:
				part = "account"
			case i < tokenSize:
				part = "secret"
			}
			t.Errorf("a token whose byte %d (%s) was changed is accepted", i, part)
		}
	}
	for _, row := range []struct {
		name string
		from *Tokens
	}{
		{"another key", NewTokens("app", Cookie, [][]byte{keyB})},
		{"another namespace", NewTokens("app2", Cookie, [][]byte{keyA})},
		{"no namespace", NewTokens("", Cookie, [][]byte{keyA})},
		{"another transport", NewTokens("app", Bearer, [][]byte{keyA})},
		{"the transport InSession", NewTokens("app", InSession, [][]byte{keyA})},
		{"no key", NewTokens("app", Cookie, nil)},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if _, ok := x.Parse(row.from.Format(numberedToken(1))); ok {
				t.Error("its token is accepted")
			}
			if _, ok := row.from.Parse(x.Format(numberedToken(1))); ok {
				t.Error("it accepts our token")
			}
		})
	}
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	old, both, swapped := NewTokens("app", Cookie, [][]byte{keyA}), NewTokens("app", Cookie, [][]byte{keyB, keyA}), NewTokens("app", Cookie, [][]byte{keyA, keyB})
	token := numberedToken(1)
	if got, ok := both.Parse(old.Format(token)); !ok || got != token {
		t.Error("a token signed with the second key is refused")
	}
	if both.Format(token) == old.Format(token) || swapped.Format(token) != old.Format(token) {
		t.Error("another key than the first one signs")
	}
	if _, ok := old.Parse(both.Format(token)); ok {
		t.Error("a token signed with a key that is not ours is accepted")
	}
}

// The caller's keys may be overwritten once the Tokens are made.
func TestTokensKeepTheirKeys(t *testing.T) {
	t.Parallel()
	key := bytes.Clone(keyA)
	x := NewTokens("app", Cookie, [][]byte{key})
	clear(key)
	if got, want := x.Format(numberedToken(1)), NewTokens("app", Cookie, [][]byte{keyA}).Format(numberedToken(1)); got != want {
		t.Error("the key changed with the caller's slice")
	}
}

func TestATokenNeverPrints(t *testing.T) {
	t.Parallel()
	token := numberedToken(1)
	type holder struct {
		Token Token
		Next  *Token
	}
	var texts []string
	for _, v := range []any{token, &token, holder{token, &token}, &holder{token, &token}, []Token{token}, map[string]Token{"t": token}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%10.3v", "%T"} {
			texts = append(texts, fmt.Sprintf(verb, v))
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Errorf("json.Marshal: %v", err)
		}
		texts = append(texts, string(b))
		for _, h := range []func(*bytes.Buffer) slog.Handler{
			func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
			func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		} {
			var b bytes.Buffer
			slog.New(h(&b)).Info("said", "token", v)
			texts = append(texts, b.String())
		}
	}
	secrets := []string{
		fmt.Sprintf("%x", token.secret[:2]), fmt.Sprintf("%X", token.secret[:2]),
		fmt.Sprint(token.secret[:2])[1:6], "0x1, 0xcc", NewTokens("app", Cookie, nil).Format(token)[24:],
		base64.StdEncoding.EncodeToString(token.secret[:])[:4],
	}
	for _, text := range texts {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("printed as %s, which holds %q", text, secret)
			}
		}
	}
	for _, got := range []string{
		fmt.Sprintf("%v", token), fmt.Sprintf("%+v", token), fmt.Sprintf("%#v", token), fmt.Sprintf("%s", token),
		fmt.Sprintf("%x", token), fmt.Sprintf("%q", token), fmt.Sprintf("%v", &token), token.String(), token.GoString(), token.LogValue().String(),
	} {
		if got != "[redacted]" {
			t.Errorf("a token prints as %s; want [redacted]", got)
		}
	}
	if b, err := json.Marshal(token); err != nil || string(b) != `"[redacted]"` {
		t.Errorf("json.Marshal = %s, %v", b, err)
	}
}

//nolint:paralleltest // what other tests allocate would count
func TestParseDoesNotAllocate(t *testing.T) {
	if raced() {
		t.Skip("the race detector drops what is pooled")
	}
	for name, keys := range map[string][][]byte{"without keys": nil, "with two keys": {keyA, keyB}} {
		x := NewTokens("app", Cookie, keys)
		text := x.Format(numberedToken(1))
		bad := strings.Repeat("A", len(text))
		if n := testing.AllocsPerRun(1000, func() { x.Parse(text) }); n != 0 {
			t.Errorf("%s: Parse allocates %v times", name, n)
		}
		if n := testing.AllocsPerRun(1000, func() { x.Parse(bad) }); n != 0 {
			t.Errorf("%s: Parse of a forged token allocates %v times", name, n)
		}
	}
}

// raced reports whether the race detector runs.
func raced() bool {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return false
	}
	for _, s := range info.Settings {
		if s.Key == "-race" {
			return s.Value == "true"
		}
	}
	return false
}

func TestTokensServeManyAtOnce(t *testing.T) {
	t.Parallel()
	x := NewTokens("app", Cookie, [][]byte{keyA, keyB})
	var wg sync.WaitGroup
	for n := range byte(8) {
		wg.Go(func() {
			token := numberedToken(n)
			for range 200 {
				if got, ok := x.Parse(x.Format(token)); !ok || got != token {
					t.Errorf("token %d did not come back", n)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestHandlesComeBackAsTheyWent(t *testing.T) {
	t.Parallel()
	h := newHandle()
	if got, ok := ParseHandle(h.String()); !ok || got != h {
		t.Errorf("ParseHandle(%q) = %v, %v", h, got, ok)
	}
	if n := len(h.String()); n != 16 {
		t.Errorf("a handle has %d characters; want 16", n)
	}
	zero := Handle{}.String()
	for _, s := range []string{"", "x", zero[:15], zero + "A", zero[:15] + "\n", "\r" + zero[1:], zero[:15] + "+", "\r\n" + zero[:14]} {
		if got, ok := ParseHandle(s); ok {
			t.Errorf("ParseHandle(%q) = %v; want it refused", s, got)
		}
	}
}

// FuzzTokensParse looks for a text that Parse accepts and Format did not write.
func FuzzTokensParse(f *testing.F) {
	plain, signed := NewTokens("app", Cookie, nil), NewTokens("app", Cookie, [][]byte{keyA})
	f.Add(plain.Format(numberedToken(1)))
	f.Add(signed.Format(numberedToken(1)))
	f.Add(plain.Format(Token{}))
	f.Add(strings.Repeat("A", 66))
	f.Add(strings.Repeat("_", 87))
	f.Fuzz(func(t *testing.T, s string) {
		for _, x := range []*Tokens{plain, signed} {
			token, ok := x.Parse(s)
			if ok && x.Format(token) != s {
				t.Errorf("Parse accepts %q; Format writes %q", s, x.Format(token))
			}
			if !ok && token != (Token{}) {
				t.Errorf("Parse refuses %q and returns a token", s)
			}
		}
	})
}
