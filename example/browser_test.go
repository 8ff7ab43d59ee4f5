package main

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestInABrowser uses the site as a person does, in headless Chromium. With
// go test -artifacts it keeps a picture of every page.
func TestInABrowser(t *testing.T) {
	t.Parallel()
	b := openBrowser(t)
	app := setup(t)
	phone := app.signedIn(t, "alice") // the session that is revoked below

	b.open(app.url + "/sessions")
	b.see("h1", "Sign in")
	b.picture("sign-in")
	b.signIn("alice@example.com", "wrong")
	b.see(".error", "do not belong together")
	b.picture("sign-in-wrong")
	b.signIn("alice@example.com", "password-alice")
	b.see("h1", "Sessions") // where the visit began

	b.open(app.url + "/profile")
	b.see(".hero", "alice@example.com")
	b.see(".source", "Served from the cache.")
	hint := b.text("#hint")

	b.click(`nav a[href="/pro"]`)
	b.see("h1", "Forbidden")
	b.picture("pro-forbidden")
	b.click(".button")
	b.see("h1", "Plan")
	b.picture("plan")

	b.run(chromedp.Evaluate[chromedp.Void](`document.querySelector("input:checked").value = "gold"`))
	b.click("main button")
	b.see(".error", "choose one of these plans")
	b.picture("plan-wrong")
	b.click(`input[value="pro"]`)
	b.click("main button")
	b.see(".flash", "Plan updated successfully.")
	b.see(".badge", "pro")
	b.picture("profile")
	if got := b.text("#hint"); got == hint {
		t.Errorf("the hint is %q before and after the change; want a new one", got)
	}
	b.click(`nav a[href="/profile"]`)
	b.see("h1", "Profile")
	b.missing(".flash")

	b.click(`nav a[href="/pro"]`)
	b.see("h1", "Pro")
	b.see(".source", "Read from the database.")
	b.picture("pro")

	b.click(`nav a[href="/sessions"]`)
	b.see("h1", "Sessions")
	b.picture("sessions")
	b.click(`.row form button`)
	b.see(".flash", "That session is signed out.")
	b.missing(`.row form button`)
	if _, ok := phone.profile(); ok {
		t.Error("the revoked session is alive")
	}

	b.click(`nav a[href="/password"]`)
	b.see("h1", "Password")
	b.picture("password")
	b.changePassword("wrong", "correct horse")
	b.see(".error", "not your current password")
	b.picture("password-wrong")
	b.changePassword("password-alice", "correct horse")
	b.see(".flash", "Password updated successfully.")
	b.open(app.url + "/confirm?next=/password")
	b.see("h1", "Is it still you?")
	b.picture("confirm")
	b.run(
		chromedp.SendKeys(chromedp.CSS(`[name=password]`), "correct horse"),
		chromedp.Click(chromedp.CSS("main button")),
	)
	b.see("h1", "Password")

	b.click(".leave button")
	b.see("h1", "Sign in")
	b.signIn("admin@example.com", "password-admin")
	b.see("h1", "Profile")
	b.click(`nav a[href="/admin/users"]`)
	b.see("h1", "Users")
	b.run(chromedp.SetValue(chromedp.CSS(`select[aria-label="Plan of bob@example.com"]`), "team"))
	b.click(`li:nth-child(2) button`)
	b.see(".flash", "bob@example.com is now on the plan team.")
	b.picture("users")
	b.click(`nav a[href="/admin/explain"]`)
	b.see("h1", "Why is this user stale?")
	b.see("main", "The user was read for this request")
	b.picture("explain")
	b.open(app.url + "/admin/users/3/explain")
	b.see(".lead", "admin@example.com")
	b.see("main", "Sessions and tokens")
	b.picture("explain-user")

	b.open(app.url + "/nothing")
	b.see("h1", "Not Found")
	b.picture("not-found")
	b.open(app.url + "/logout")
	b.see("h1", "Method Not Allowed")
	b.picture("method-not-allowed")
	if err := app.users.db.Exec("ALTER TABLE users RENAME TO gone").Error; err != nil {
		t.Fatal(err)
	}
	b.open(app.url + "/pro")
	b.see("h1", "Service Unavailable")
	b.picture("unavailable")
	b.complain()
}

// screens are the sizes and colours that pages are looked at in.
var screens = []struct {
	name          string
	width, height int64
	scale         float64
	colours       string
}{
	{"desktop", 1280, 800, 1, "light"},
	{"desktop-dark", 1280, 800, 1, "dark"},
	{"phone", 375, 720, 2, "light"},
	{"phone-dark", 375, 720, 2, "dark"},
}

// tab is a browser with one page open. Its methods fail the test themselves.
type tab struct {
	t        *testing.T
	ctx      context.Context
	dir      string // for pictures
	messages chan string
}

func openBrowser(t *testing.T) *tab {
	t.Helper()
	path := findChromium(t)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.NoSandbox, // containers have no user namespaces for it
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.UserDataDir(filepath.Join(t.TempDir(), "profile")),
	)
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // starts the browser, which lives as long as this context
		t.Fatalf("start %s: %v", path, err)
	}
	b := &tab{t: t, dir: t.ArtifactDir(), messages: make(chan string, 100)}
	b.listen(ctx)
	b.ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	return b
}

// findChromium skips the test where there is no browser, but not in CI, which
// is to have one.
func findChromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const missing = "no Chromium on this machine: install the package chromium to run the browser test"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// listen collects what the browser complains about, apart from the status
// codes that the test asks for.
func (b *tab) listen(ctx context.Context) {
	console := chromedp.Console(ctx)
	go func() {
		for m, err := range console {
			if err != nil {
				return
			}
			told := m.Type == "info" || m.Type == "log"
			if told || m.Source == "network" && strings.Contains(m.Text, "the server responded with a status") {
				continue
			}
			select {
			case b.messages <- m.String():
			default:
			}
		}
	}()
}

// complain fails the test when the browser had something to say: a style that
// the policy forbids, a missing file, a form without what it needs.
func (b *tab) complain() {
	b.t.Helper()
	for {
		select {
		case m := <-b.messages:
			b.t.Errorf("the browser says: %s", m)
		default:
			return
		}
	}
}

func (b *tab) run(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) open(url string)       { b.t.Helper(); b.run(chromedp.Navigate(url)) }
func (b *tab) click(selector string) { b.t.Helper(); b.run(chromedp.Click(chromedp.CSS(selector))) }

func (b *tab) signIn(email, password string) {
	b.t.Helper()
	b.run(
		chromedp.SetValue(chromedp.CSS(`[name=email]`), email),
		chromedp.SendKeys(chromedp.CSS(`[name=password]`), password),
		chromedp.Click(chromedp.CSS("main button")),
	)
}

func (b *tab) changePassword(current, password string) {
	b.t.Helper()
	b.run(
		chromedp.SendKeys(chromedp.CSS(`[name=current]`), current),
		chromedp.SendKeys(chromedp.CSS(`main [name=password]`), password),
		chromedp.Click(chromedp.CSS("main button")),
	)
}

// see waits until the first element that matches shows the text.
func (b *tab) see(selector, text string) {
	b.t.Helper()
	var got string
	for range 400 {
		if got = b.find(selector); strings.Contains(got, text) {
			return
		}
		time.Sleep(50 * time.Millisecond) // the page is on its way
	}
	where, _ := chromedp.Run(b.ctx, chromedp.Location())
	b.t.Fatalf("%s on %s shows %q; want %q", selector, where, got, text)
}

func (b *tab) missing(selector string) {
	b.t.Helper()
	if got := b.find(selector); got != "" {
		b.t.Errorf("%s shows %q; want none", selector, got)
	}
}

func (b *tab) text(selector string) string {
	b.t.Helper()
	got := b.find(selector)
	if got == "" {
		b.t.Fatalf("%s shows nothing", selector)
	}
	return got
}

// find is what the first element that matches shows now; empty when there is
// none, or while a page is loading.
func (b *tab) find(selector string) string {
	script := "(document.querySelector(" + quote(selector) + ")?.innerText ?? '')"
	got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](script))
	if err != nil {
		return ""
	}
	return got
}

func quote(s string) string { return "`" + strings.ReplaceAll(s, "`", "\\`") + "`" }

// picture keeps the page as each screen shows it, and sees to it that none has
// to be scrolled sideways.
func (b *tab) picture(name string) {
	b.t.Helper()
	for _, s := range screens {
		b.run(
			chromedp.EmulateViewport(s.width, s.height, chromedp.EmulateScale(s.scale)),
			chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
				_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
					Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: s.colours}},
				})
				return err
			}),
		)
		over, err := chromedp.Run(b.ctx, chromedp.Evaluate[int]("document.documentElement.scrollWidth - innerWidth"))
		if err != nil || over > 0 {
			b.t.Errorf("%s on %s is %d pixels too wide (%v)", name, s.name, over, err)
		}
		image, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
		if err != nil {
			b.t.Fatal(err)
		}
		if got := http.DetectContentType(image); got != "image/png" {
			b.t.Errorf("the picture of %s is %s; want image/png", name, got)
		}
		if err := os.WriteFile(filepath.Join(b.dir, name+"-"+s.name+".png"), image, 0o600); err != nil {
			b.t.Fatal(err)
		}
	}
}
