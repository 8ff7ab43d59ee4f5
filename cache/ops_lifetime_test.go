package cache

import (
	"testing"
	"time"
)

func TestASignInMayAskForALifetime(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name     string
		absolute time.Duration
		asked    time.Duration
		want     time.Duration
	}{
		{"none is the usual one", 24 * time.Hour, 0, 24 * time.Hour},
		{"a negative one is the usual one", 24 * time.Hour, -1, 24 * time.Hour},
		{"one shorter than the idle time", 24 * time.Hour, 10 * time.Minute, 10 * time.Minute},
		{"one longer than the usual one", 24 * time.Hour, 90 * 24 * time.Hour, 90 * 24 * time.Hour},
		{"the longest", 24 * time.Hour, MaxLifetime, MaxLifetime},
		{"one longer than may be", 24 * time.Hour, MaxLifetime + 1, MaxLifetime},
		{"one longer than may be, where the usual one is longer still", 2 * MaxLifetime, 3 * MaxLifetime, 2 * MaxLifetime},
	} {
		for _, remember := range []bool{false, true} {
			name := row.name
			if remember {
				name += ", remembered"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				everywhere(t, func(t *testing.T, k *kit) {
					start := time.Now()
					o, _, err := k.signIn(SignIn{UserKey: "ann", Lifetime: row.asked, Remember: remember})
					if err != nil {
						t.Fatal(err)
					}
					if got := o.session.ends.Std().Sub(start); got != row.want {
						t.Errorf("the session may live for %v; want %v", got, row.want)
					}
					if !remember && row.want > 30*time.Minute {
						return // it is idle long before
					}
					time.Sleep(row.want / 2)
					k.wantUser(k.open(*o.Successor), "Ann")
					time.Sleep(row.want - row.want/2 - 1)
					o = k.open(*o.Successor)
					k.wantUser(o, "Ann")
					time.Sleep(time.Nanosecond)
					k.wantUser(k.open(newestOf(o)), "")
				}, rules(func(r *Rules) { r.AbsoluteTimeout = row.absolute }))
			})
		}
	}
}
