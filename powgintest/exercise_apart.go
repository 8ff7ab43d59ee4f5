package powgintest

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// tenantKey finds the tenant in a request's context.
type tenantKey struct{}

func tenantOf(ctx context.Context) string {
	tenant, _ := ctx.Value(tenantKey{}).(string)
	return tenant
}

// hosted starts a site of many tenants, where a request names its own.
func (t *proof) hosted() *cluster {
	c := t.cluster(func(cfg *residentConfig) { cfg.Tenant = tenantOf })
	nodes := c.site
	c.site = http.NewServeMux()
	c.site.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		ctx := context.WithValue(r.Context(), tenantKey{}, r.URL.Query().Get("tenant"))
		nodes.ServeHTTP(w, r.WithContext(ctx))
	})
	return c
}

func (c *cluster) visitorOf(tenant string) *visitor {
	v := c.visitor()
	v.query = "?tenant=" + tenant
	return v
}

func tenantsAreApart(t *proof) {
	c := t.hosted()
	acme, globex := c.visitorOf("acme"), c.visitorOf("globex")
	acme.signIn(left, "alice")
	globex.signIn(right, "alice")
	acme.wantUser("alice")
	globex.wantUser("alice")

	astray := acme.clone()
	astray.query = "?tenant=globex"
	astray.wantNobody("a token of another tenant")
	astray.post(left + "/signout").want(http.StatusOK)
	acme.wantUser("alice")

	token := acme.token()
	inGlobex := context.WithValue(t.Context(), tenantKey{}, "globex")
	c.must("Sync", c.left.Sync(inGlobex, resident{ID: "alice"}, powgin.Regenerate()))
	acme.wantUser("alice")
	if acme.token() != token {
		t.Error("Regenerate of one tenant's alice gives that of another a new token")
	}
	acme.post(left + "/sync/others").want(http.StatusOK)
	globex.wantUser("alice")
	c.must("RevokeUser", c.right.RevokeUser(inGlobex, "alice"))
	globex.wantNobody("a revoked user of one tenant")
	acme.wantUser("alice")
	for tenant, want := range map[string]int{"acme": 1, "globex": 0, "": 0} {
		list, err := c.left.Sessions(context.WithValue(t.Context(), tenantKey{}, tenant), "alice")
		if err != nil || len(list) != want {
			t.Errorf("Sessions in the tenant %q = %d, %v; want %d, nil", tenant, len(list), err, want)
		}
	}
}

func namespacesAreApart(t *proof) {
	shop, forum := t.cluster(), t.cluster() // each with a Namespace of its own
	buyer, poster := shop.signIn(left, "alice"), forum.signIn(right, "alice")
	shop.with(poster.token()).wantNobody("a token of another namespace")
	forum.with(buyer.token()).wantNobody("a token of another namespace")
	shop.with(poster.token()).post(left + "/signout").want(http.StatusOK)

	shop.users.setPlan("pro")
	buyer.post(left + "/sync/others").want(http.StatusOK)
	buyer.wantUser("alice")
	poster.wantUser("alice")
	shop.must("RevokeUser", shop.right.RevokeUser(t.Context(), "alice"))
	buyer.wantNobody("a revoked user of one namespace")
	poster.wantUser("alice")
	shop.wantSessions("alice", 0)
	forum.wantSessions("alice", 1)
}

// A keeper is another type of user, whose keys may be those of residents.
type keeper struct{ Name, Badge string }

type keepers struct{}

func (keepers) Key(k keeper) string { return k.Name }

func (keepers) Find(_ context.Context, key string) (keeper, bool, error) {
	return keeper{key, "badge of " + key}, true, nil
}

// both is who a request is to a site with two types of users.
type both struct {
	Resident resident
	Keeper   keeper
}

// withKeepers adds a part to the site that keepers use as well.
func (c *cluster) withKeepers() {
	auth := newAuth(c, powgin.Config[keeper]{
		Users: keepers{}, Store: c.store, Namespace: newNamespace(), ContextKey: "keeper",
	})
	router := gin.New()
	router.Use(c.left.Session(), auth.Session())
	who := func(c *gin.Context) {
		var b both
		b.Resident, _ = powgin.CurrentUser[resident](c)
		b.Keeper, _ = powgin.CurrentUser[keeper](c)
		c.JSON(http.StatusOK, b)
	}
	router.GET("/who", who)
	router.POST("/resident", func(c *gin.Context) { finish(c, powgin.SignIn(c, resident{ID: "alice"}), who) })
	router.POST("/keeper", func(c *gin.Context) { finish(c, powgin.SignIn(c, keeper{Name: "alice"}), who) })
	router.POST("/keeper/signout", func(c *gin.Context) { finish(c, powgin.SignOut(c), who) })
	c.site.Handle("/both/", http.StripPrefix("/both", router))
}

func finish(c *gin.Context, err error, then gin.HandlerFunc) {
	if err != nil {
		powgin.Abort(c, err)
		return
	}
	then(c)
}

func typesAreApart(t *proof) {
	c := t.cluster()
	c.withKeepers()
	alice := resident{ID: "alice", Plan: "free"}
	warden := keeper{"alice", "badge of alice"}
	v := c.visitor()
	for _, step := range []struct {
		path string
		want both
	}{
		{"/both/keeper", both{Keeper: warden}},
		{"/both/resident", both{alice, warden}},
		{"/both/keeper/signout", both{Resident: alice}},
		{"/both/keeper", both{alice, warden}},
		{left + "/signout", both{Keeper: warden}},
	} {
		v.post(step.path).want(http.StatusOK)
		v.wantBoth(step.path, step.want)
	}
	v.post("/both/resident").want(http.StatusOK)
	c.must("RevokeUser", c.right.RevokeUser(t.Context(), "alice"))
	v.wantBoth("RevokeUser of the resident", both{Keeper: warden})
}

// wantBoth checks who the visitor is to the part of the site that both types
// of users use.
func (v *visitor) wantBoth(after string, want both) {
	v.c.Helper()
	a := v.get("/both/who").want(http.StatusOK)
	var got both
	if err := json.Unmarshal([]byte(a.Body), &got); err != nil || got != want {
		v.c.Errorf("after %s %s shows %s; want %+v", after, a.what, a.Body, want)
	}
}
