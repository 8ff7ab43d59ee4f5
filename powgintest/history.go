package powgintest

import (
	"net/http"
	"slices"
)

// history returns what the browser was given so far, in order.
func (b *Browser) history() []cookieSet {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.sets)
}

// given returns a new browser of the same app that was given these cookies, in
// this order.
func (b *Browser) given(sets []cookieSet) *Browser {
	c := NewBrowser(b.t, b.app)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, set := range sets {
		c.replay(set)
	}
	return c
}

// moments returns browsers with the cookies that this one had after each
// answer that set some, the earliest first.
func (b *Browser) moments() []*Browser {
	sets := b.history()
	moments := make([]*Browser, len(sets))
	for i := range sets {
		moments[i] = b.given(sets[:i+1])
	}
	return moments
}

// forged returns a browser that has cookies of the same names as this one ever
// had, with other values.
func (b *Browser) forged(value func(string) string) *Browser {
	sets := b.history()
	for i, set := range sets {
		cookies := make([]*http.Cookie, 0, len(set.cookies))
		for _, c := range set.cookies {
			if c.Value == "" {
				continue // it was deleted
			}
			other := *c
			other.Value = value(c.Value)
			cookies = append(cookies, &other)
		}
		sets[i].cookies = cookies
	}
	return b.given(sets)
}

// leaveAtForms has the browser end the goroutine that sends a request which is
// not a GET, in place of sending it.
func (b *Browser) leaveAtForms(on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.shy = on
}

func (b *Browser) leaves(r *http.Request) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.shy && r.Method != http.MethodGet
}

// changedSince returns the names under which the browser has other cookies than
// before, or none any more.
func (b *Browser) changedSince(before *Browser) (names []string) {
	was, is := before.values(), b.values()
	for name, value := range was {
		if is[name] != value {
			names = append(names, name)
		}
	}
	for name := range is {
		if _, had := was[name]; !had {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// values returns the cookies' values by their names. Of a name that is there
// for several paths the last given counts.
func (b *Browser) values() map[string]string {
	values := map[string]string{}
	for _, set := range b.history() {
		for _, c := range set.cookies {
			if c.MaxAge < 0 || c.Value == "" {
				delete(values, c.Name)
			} else {
				values[c.Name] = c.Value
			}
		}
	}
	return values
}
