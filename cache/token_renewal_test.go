package cache

import (
	"encoding/base64"
	"testing"
)

func TestNeitherKindOfTokensReadsTheOther(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][][]byte{"without keys": nil, "with keys": {keyA, keyB}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			access, renewal := NewTokens("app", Bearer, keys), NewRenewalTokens("app", Bearer, keys)
			token := numberedToken(1)
			if got, ok := renewal.Parse(renewal.Format(token)); !ok || got != token {
				t.Errorf("Parse(Format(token)) = %v; want the token", ok)
			}
			if a, r := access.Format(token), renewal.Format(token); len(a) != len(r) {
				t.Errorf("a renewal token has %d characters; want %d", len(r), len(a))
			}
			if _, ok := access.Parse(renewal.Format(token)); ok {
				t.Error("a renewal token is read as an access token")
			}
			if _, ok := renewal.Parse(access.Format(token)); ok {
				t.Error("an access token is read as a renewal token")
			}
		})
	}
}

// With keys the first byte cannot be changed. Without them it can, and then the
// records keep the two apart.
func TestARelabelledToken(t *testing.T) {
	t.Parallel()
	relabelled := func(x *Tokens, format byte) string {
		raw, err := base64.RawURLEncoding.DecodeString(x.Format(numberedToken(1)))
		if err != nil {
			t.Fatal(err)
		}
		raw[0] = format
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	for _, row := range []struct {
		name string
		keys [][]byte
		read bool
	}{{"without keys", nil, true}, {"with keys", [][]byte{keyA}, false}} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			access, renewal := NewTokens("app", Bearer, row.keys), NewRenewalTokens("app", Bearer, row.keys)
			if _, ok := access.Parse(relabelled(renewal, tokenFormat)); ok != row.read {
				t.Errorf("a renewal token called an access token is read: %v; want %v", ok, row.read)
			}
			if _, ok := renewal.Parse(relabelled(access, renewalFormat)); ok != row.read {
				t.Errorf("an access token called a renewal token is read: %v; want %v", ok, row.read)
			}
		})
	}
}

// All three derivations from one secret and salt differ, and whatever goes into
// a pair makes another one where it differs.
func TestAPairDependsOnEverything(t *testing.T) {
	t.Parallel()
	from := func(change func(t *Token, h *Handle, salt *Hash)) pair {
		token, h, salt := renewalToken(1), numberedHandle(1), Hash{7}
		change(&token, &h, &salt)
		return token.renewed(h, &salt)
	}
	base := from(func(*Token, *Handle, *Hash) {})
	if base != from(func(*Token, *Handle, *Hash) {}) {
		t.Error("the same parts make two pairs")
	}
	token, salt := renewalToken(1), Hash{7}
	next := token.successor(numberedHandle(1), &salt)
	if base.access.secret == base.renewal.secret || next.secret == base.access.secret || [16]byte(next.secret[16:]) == [16]byte(base.renewal.secret[16:]) ||
		[16]byte(base.access.secret[16:]) == [16]byte(base.renewal.secret[16:]) {
		t.Error("two of the successor, the access token and the renewal token are alike")
	}
	if base.renewal.family() != token.family() || base.access.family() == token.family() {
		t.Error("the renewal token is of another family, or the access token of the same")
	}
	for name, other := range map[string]pair{
		"secret":  from(func(t *Token, _ *Handle, _ *Hash) { t.secret[31]++ }),
		"account": from(func(t *Token, _ *Handle, _ *Hash) { t.account[15]++ }),
		"handle":  from(func(_ *Token, h *Handle, _ *Hash) { h[11]++ }),
		"salt":    from(func(_ *Token, _ *Handle, s *Hash) { s[31]++ }),
	} {
		if other.access.secret == base.access.secret || other.renewal.secret == base.renewal.secret {
			t.Errorf("another %s makes the same token", name)
		}
	}
}
