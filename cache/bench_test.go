package cache

import "testing"

// BenchmarkOpenHotUser is the look-up of one user's session on all cores:
// hash, map, times, and whether the cached user may be served.
func BenchmarkOpenHotUser(b *testing.B) {
	k := setup(b, nil)
	in := &Opening{Transport: Cookie, Token: *k.signInAs("ann").Successor}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			var o Opened
			if err := k.cache.Open(b.Context(), in, &o); err != nil || o.User == nil {
				b.Errorf("Open = %v, user %v", err, o.User)
				return
			}
		}
	})
}
