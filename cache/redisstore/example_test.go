package redisstore_test

import (
	"context"
	"log"

	"github.com/redis/rueidis"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache/redisstore"
)

type User struct {
	ID   uint
	Plan string
}

func ExampleOpen() {
	store, err := redisstore.Open(context.Background(), rueidis.ClientOption{
		InitAddress: []string{"127.0.0.1:6379"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	auth := powgin.Must(powgin.New(powgin.Config[User]{
		Users: users, // or DB
		Store: store,
	}))
	defer auth.Close()
}

// The app has a client already, and wants every change seen at once.
func ExampleNew() {
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{"127.0.0.1:6379"}})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	store := redisstore.Must(redisstore.New(client, redisstore.Prefix("shop"), redisstore.Strict()))
	defer store.Close()
}

var users powgin.Users[User]
