package main

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

//go:embed templates static
var files embed.FS

// page is what the layout shows around every page.
type page struct {
	Title  string
	Path   string // the menu entry to mark
	User   *User  // nil when nobody is signed in
	Flash  string
	Source source // where User came from, for the foot of the page
	Data   any    // what the page itself needs
}

// source tells a visitor how fresh the user on the page is.
type source struct {
	Database bool      // read for this request
	LoadedAt time.Time // otherwise: when the cached copy was read
}

type menuEntry struct {
	Path, Name string
	Here       bool
}

// member starts a page for the signed-in user. reloaded is true on routes that
// read the user from the database.
func (s *site) member(c *Context, title string, reloaded bool, data any) page {
	user := c.MustUser()
	session, _ := c.Session()
	return page{
		Title:  title,
		Path:   c.FullPath(),
		User:   &user,
		Source: source{Database: reloaded || s.cfg.reload, LoadedAt: session.LoadedAt},
		Data:   data,
	}
}

var pages = parsePages()

// parsePages joins each page with the layout. The templates are part of the
// program, so a fault in one stops it at start.
func parsePages() map[string]*template.Template {
	layout := template.New("layout.html").Funcs(template.FuncMap{
		"entry":  func(path, target, name string) menuEntry { return menuEntry{target, name, path == target} },
		"style":  func() string { return styleURL },
		"script": func() string { return scriptURL },
		"clock":  func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") },
		"iso":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	})
	template.Must(layout.ParseFS(files, "templates/layout.html"))
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		panic(err)
	}
	all := make(map[string]*template.Template)
	for _, name := range names {
		all[name] = template.Must(template.Must(layout.Clone()).ParseFS(files, name))
	}
	return all
}

// render writes a page. It is put together first, so that a template that
// fails leaves no half page behind.
func render(c *gin.Context, status int, name string, p page) {
	var body bytes.Buffer
	if err := pages["templates/"+name].ExecuteTemplate(&body, "layout.html", p); err != nil {
		slog.ErrorContext(c.Request.Context(), "template failed", "name", name, "err", err)
		c.String(http.StatusInternalServerError, explanations[http.StatusInternalServerError])
		return
	}
	c.Data(status, "text/html; charset=utf-8", body.Bytes())
}

// wantsJSON tells whether the client prefers JSON to a page.
func wantsJSON(c *gin.Context) bool {
	c.Writer.Header().Add("Vary", "Accept")
	return c.NegotiateFormat(gin.MIMEHTML, gin.MIMEJSON) == gin.MIMEJSON
}

// preferJSON has wantsJSON say yes, unless the client asks for a page by name.
func preferJSON(c *gin.Context) {
	if !strings.Contains(c.GetHeader("Accept"), gin.MIMEHTML) {
		c.SetAccepted(gin.MIMEJSON)
	}
}

// These change with their files, so that browsers may keep them.
var (
	styleURL  = versioned("style.css")
	scriptURL = versioned("live.js")
)

// versioned is the address of a static file that is part of the program.
func versioned(name string) string {
	content, err := files.ReadFile("static/" + name)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(content)
	return "/static/" + name + "?v=" + hex.EncodeToString(sum[:6])
}

func staticFile(c *gin.Context) {
	name := "static/" + c.Param("file")
	if info, err := fs.Stat(files, name); err != nil || info.IsDir() {
		showError(c, http.StatusNotFound)
		return
	}
	c.Header("Cache-Control", "public, max-age=86400")
	http.ServeFileFS(c.Writer, c.Request, files, name)
}
