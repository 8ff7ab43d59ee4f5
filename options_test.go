package powgin_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/powgin/powgin"
)

// signInOptions are what one sign-in is given.
type signInOptions = []powgin.SignInOption

func TestOptionsOutOfTheirRangeChangeNothing(t *testing.T) {
	t.Parallel()
	nine := strings.Split("abcdefghi", "")
	for what, options := range map[string]signInOptions{
		"For of no time":                           {powgin.For(0)},
		"For of less":                              {powgin.For(-time.Hour)},
		"For of more than 400 days":                {powgin.For(400*day + 1)},
		"For of the longest time":                  {powgin.For(1<<63 - 1)},
		"Remember of no time":                      {powgin.Remember(0)},
		"Remember of less":                         {powgin.Remember(-1)},
		"Remember of more than 400 days":           {powgin.Remember(400*day + 1)},
		"Remember of the longest time":             {powgin.Remember(1<<63 - 1)},
		"For and Remember":                         {powgin.For(time.Hour), powgin.Remember(time.Hour)},
		"Remember and For":                         {powgin.Remember(time.Hour), powgin.For(time.Hour)},
		"Remember beside a bad For":                {powgin.Remember(time.Hour), powgin.For(0)},
		"Method with an empty name":                {powgin.Method("password", "")},
		"Method with a name of 65 bytes":           {powgin.Method(strings.Repeat("m", 65))},
		"Method with 33 letters of two bytes":      {powgin.Method(strings.Repeat("é", 33))},
		"Method with nine names":                   {powgin.Method(nine...)},
		"Method with a line in its name":           {powgin.Method("a\nb")},
		"Method with a tab":                        {powgin.Method("a\tb")},
		"Method with a zero byte":                  {powgin.Method("a\x00")},
		"Method with what is not UTF-8":            {powgin.Method("a\xff")},
		"Method with a sign that turns text":       {powgin.Method("a\u202eb")},
		"Method with a letter that nobody sees":    {powgin.Method("a\u200bb")},
		"a good option beside a bad one":           {powgin.EndOthers(), powgin.Method("otp"), powgin.For(0)},
		"a bad method beside a good time, forever": {powgin.EndOthers(), powgin.Remember(day), powgin.Method("\r")},
	} {
		t.Run(what, func(t *testing.T) {
			peopleBubble(t, nil, func(a *app, p *people) {
				phone, bob := a.signIn(1), a.signIn(2)
				for _, b := range []*browser{phone, bob, a.browser()} {
					p.took()
					r, err := b.does(func(c *Context) error {
						before, was := c.User()
						err := c.SignIn(person(1), options...)
						if after, is := c.User(); after != before || is != was {
							t.Errorf("the current user is %q; want %q as before", after.Name, before.Name)
						}
						return err
					})
					b.wantErr("SignIn", err, powgin.ErrOption)
					r.wantProblem(http.StatusInternalServerError).wantNoCookie()
				}
				p.wantReads(t, 0, "a sign-in that cannot be")
				if got := phone.get("/me").identity().User.Name; got != "alice" {
					t.Errorf("the phone is %s's; want alice's", got)
				}
				if got := bob.get("/me").identity().User.Name; got != "bob" {
					t.Errorf("bob's browser is %s's; want his", got)
				}
				if n := a.count("1"); n != 1 {
					t.Errorf("alice has %d sessions; want the one of her phone", n)
				}
			})
		})
	}
}

func TestOptionsAtTheirBounds(t *testing.T) {
	t.Parallel()
	eight := strings.Split("abcdefgh", "")
	longest := strings.Repeat("m", 64)
	for what, tt := range map[string]struct {
		options signInOptions
		lasts   time.Duration
		methods []string
	}{
		"none":                              {nil, idle, nil},
		"the shortest For":                  {signInOptions{powgin.For(1)}, 1, nil},
		"the longest For":                   {signInOptions{powgin.For(400 * day)}, idle, nil},
		"a short Remember":                  {signInOptions{powgin.Remember(time.Second)}, time.Second, nil},
		"the longest Remember":              {signInOptions{powgin.Remember(400 * day)}, 400 * day, nil},
		"eight methods":                     {signInOptions{powgin.Method(eight...)}, idle, eight},
		"the longest method":                {signInOptions{powgin.Method(longest)}, idle, []string{longest}},
		"methods of every script and blank": {signInOptions{powgin.Method("Schlüssel 2", "指紋")}, idle, []string{"Schlüssel 2", "指紋"}},
		"no method":                         {signInOptions{powgin.Method()}, idle, nil},
		"all that go together": {
			signInOptions{powgin.Method("password"), powgin.EndOthers(), powgin.Remember(2 * day)}, 2 * day, []string{"password"},
		},
		"the others that do": {signInOptions{powgin.For(time.Hour), powgin.Method("otp")}, idle, []string{"otp"}},
	} {
		bubbleIn(t, what, func(a *app) {
			alice := a.signInWith(tt.options...)
			got := alice.session()
			if d := got.ExpiresAt.Sub(got.SignedInAt); d != tt.lasts {
				t.Errorf("the session ends after %v; want %v", d, tt.lasts)
			}
			if !slices.Equal(got.Methods, tt.methods) {
				t.Errorf("Methods = %q; want %q", got.Methods, tt.methods)
			}
			time.Sleep(tt.lasts - 1)
			alice.get("/me").want(http.StatusOK)
		})
	}
}

func TestMethodsStayWithTheirSession(t *testing.T) {
	t.Parallel()
	bubbleIn(t, "whatever becomes of its token", func(a *app) {
		names := []string{"password", "totp"}
		alice := a.signInWith(powgin.Method(names...))
		names[0] = "changed by its owner"
		phone := a.signInWith(powgin.Method("passkey"))
		time.Sleep(renew)
		alice.get("/me").wantCookie(true)
		alice.post("/plan/pro").want(http.StatusOK)
		want := []string{"password", "totp"}
		if got := alice.session().Methods; !slices.Equal(got, want) {
			t.Errorf("Methods = %q; want %q", got, want)
		}
		if list := phone.sessions(); len(list) != 2 || !slices.Equal(list[0].Methods, want) || !slices.Equal(list[1].Methods, []string{"passkey"}) {
			t.Errorf("the list is %+v; want both sessions, each with its methods", list)
		}
		alice.signInAgain()
		if got := alice.session().Methods; got != nil {
			t.Errorf("Methods after a plain sign-in = %q; want none", got)
		}
	})
	bubbleIn(t, "and are copies for whoever asks", func(a *app) {
		alice := a.signInWith(powgin.Method("password"))
		a.handle("GET", "/change", func(c *Context) {
			s, _ := c.Session()
			s.Methods[0] = "changed"
			list, err := c.Sessions()
			if err != nil || list[0].Methods[0] != "password" {
				t.Errorf("Sessions = %+v, %v; want the method password", list, err)
			}
		})
		alice.get("/change").want(http.StatusOK)
		if got := alice.session().Methods; !slices.Equal(got, []string{"password"}) {
			t.Errorf("Methods = %q; want password", got)
		}
	})
}
