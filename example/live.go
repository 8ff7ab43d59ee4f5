package main

import (
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/powgin/powgin"
)

// The live page alone runs a script and opens connections, our own both.
const livePolicy = contentPolicy + "; script-src 'self'; connect-src 'self'"

// livePage shows the plan. Its script keeps it as it is now, by the events below;
// without one it is a page like any other.
func (s *site) livePage(c *Context) {
	c.Header("Content-Security-Policy", livePolicy)
	p := s.member(c, "Live", false, nil)
	p.Source = source{} // the page will outlive the copy that it began with
	render(c.Context, http.StatusOK, "live.html", p)
}

const (
	// heartbeat is how often something is sent at least. It tells proxies that
	// the connection is in use, and us that the client has gone.
	heartbeat = 15 * time.Second
	// sendTimeout is how long a client may take to receive what is sent.
	sendTimeout = 10 * time.Second
)

// liveEvents tells of the plan for as long as the client stays. The events are
// plan, at first and after each change; unknown, while nobody can tell; and ended,
// the last. A stream that breaks off without that is to be opened anew.
func (s *site) liveEvents(c *Context) {
	if c.Request.Method == http.MethodHead {
		streamHeader(c.Writer.Header())
		return
	}
	changes, err := c.Watch()
	if err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	out := openStream(c.Context)
	out.event("plan", gin.H{"plan": c.MustUser().Plan})
	s.follow(c, changes, out)
}

// follow passes changes on until there is nothing more to tell, or nobody who
// listens, or the site is to stop.
func (s *site) follow(c *Context, changes <-chan powgin.Change, out stream) {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		select {
		case change, ok := <-changes:
			switch {
			case !ok: // the client has gone
				return
			case change.Ended:
				out.event("ended", gin.H{})
				return
			case change.Err != nil:
				out.event("unknown", gin.H{})
			default:
				out.event("plan", gin.H{"plan": c.MustUser().Plan})
			}
		case <-beat.C:
			out.comment()
		case <-s.stopping:
			return
		}
	}
}

// A stream is an answer that stays open, of server-sent events. Sending returns no
// error: where it fails the request's context ends, and the changes with it.
type stream struct {
	c       *gin.Context
	control *http.ResponseController
}

func openStream(c *gin.Context) stream {
	streamHeader(c.Writer.Header())
	return stream{c, http.NewResponseController(c.Writer)}
}

func streamHeader(h http.Header) {
	h.Set("Content-Type", "text/event-stream;charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would keep events until a buffer is full
}

// event sends one event. Browsers pass over those without data.
func (s stream) event(name string, data gin.H) {
	s.extend()
	s.c.SSEvent(name, data)
	s.c.Writer.Flush()
}

// comment sends what clients pass over.
func (s stream) comment() {
	s.extend()
	_, _ = io.WriteString(s.c.Writer, ":\n\n")
	s.c.Writer.Flush()
}

// extend gives what is sent next a time of its own, in the place of the server's
// WriteTimeout, which is meant for pages. With none, a client that stays connected
// but receives nothing would hold the stream for ever.
func (s stream) extend() { _ = s.control.SetWriteDeadline(time.Now().Add(sendTimeout)) }
