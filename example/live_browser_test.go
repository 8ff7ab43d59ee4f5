package main

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// TestLiveInABrowser has the live page open in one tab and makes the changes in
// another.
func TestLiveInABrowser(t *testing.T) {
	t.Parallel()
	b := openBrowser(t)
	app := setup(t)
	other := b.another()
	b.onLoad(`window.EventSource = class extends EventSource {
		constructor(url) { super(url); (window.streams ??= []).push(this); }
	}`)

	b.open(app.url + "/live")
	b.signIn("alice@example.com", "password-alice")
	b.see("h1", "Live")
	b.see("#state", "Live: a change shows at once.")
	b.see("#plan", "free")
	b.picture("live")
	b.run(chromedp.Evaluate[chromedp.Void](`document.body.dataset.loaded = "once"`))

	other.open(app.url + "/plan")
	other.click(`input[value="pro"]`)
	other.click("main button")
	other.see(".flash", "Plan updated successfully.")
	b.see("#plan", "pro")

	rename(t, app, "users", "gone")
	if err := app.auth.Invalidate(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	b.see("#state", "cannot tell at the moment")
	b.picture("live-unknown")
	rename(t, app, "gone", "users")
	b.see("#state", "Live: a change shows at once.")

	// The change ends the session as the stream knows it, but not for this browser.
	other.open(app.url + "/password")
	other.changePassword("password-alice", "correct horse")
	other.see(".flash", "Password updated successfully.")
	other.open(app.url + "/plan")
	other.click(`input[value="team"]`)
	other.click("main button")
	b.see("#plan", "team")
	b.see(`[data-loaded="once"] #state`, "Live: a change shows at once.") // it was never loaded again

	other.click(".leave button")
	other.see("h1", "Sign in")
	b.see(`[data-loaded="once"] #state`, "You have been signed out.")
	b.missing("#email")
	b.missing("#plan")
	open, err := chromedp.Run(b.ctx, chromedp.Evaluate[int]("streams.filter((s) => s.readyState !== EventSource.CLOSED).length"))
	if err != nil || open > 0 {
		t.Errorf("signed out, the page has %d streams open (%v); want none", open, err)
	}
	b.picture("live-ended")
	b.click("#state [data-state=ended] a")
	b.see("h1", "Sign in")
	b.signIn("alice@example.com", "correct horse")
	b.see("#state", "Live: a change shows at once.")

	other.signIn("bob@example.com", "password-bob") // on a form from before alice's return
	b.see("#email", "bob@example.com")
	b.see("#state", "Live: a change shows at once.")

	// A stream that breaks off, and is answered 401 when it is opened anew.
	app.endLive()
	b.see("#state", "cannot tell at the moment")
	if err := app.auth.RevokeUser(t.Context(), "2"); err != nil {
		t.Fatal(err)
	}
	b.see("#state", "You have been signed out.")
	b.complain()
	other.complain()
}

// Without JavaScript the live page is a page like any other.
func TestLiveWithoutScript(t *testing.T) {
	t.Parallel()
	b := openBrowser(t)
	app := setup(t)
	b.run(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
	b.open(app.url + "/live")
	b.signIn("alice@example.com", "password-alice")
	b.see("#plan", "free")
	b.see("#state", "As it was when this page was loaded.")
	b.picture("live-without-script")
	app.setPlanSQL(t, "alice@example.com", "basic")
	if err := app.auth.Invalidate(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	b.click("#state a")
	b.see("#plan", "basic")
	b.complain()
}

// onLoad runs a script at the start of each page.
func (b *tab) onLoad(script string) {
	b.t.Helper()
	b.run(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		return err
	}))
}

// another opens one more tab of the same browser.
func (b *tab) another() *tab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	b.t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		b.t.Fatalf("open another tab: %v", err)
	}
	other := &tab{t: b.t, dir: b.dir, messages: make(chan string, 100)}
	other.listen(ctx)
	other.ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	b.t.Cleanup(cancel)
	return other
}

func rename(t *testing.T, app *testApp, from, to string) {
	t.Helper()
	if err := app.users.db.Exec("ALTER TABLE " + from + " RENAME TO " + to).Error; err != nil {
		t.Fatal(err)
	}
}
