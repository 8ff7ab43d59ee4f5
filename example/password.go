package main

import (
	"context"
	"crypto/rand"
	"runtime"
	"time"

	"golang.org/x/crypto/bcrypt"
)

const (
	passwordMax  = 72               // bcrypt reads no further
	passwordWait = 10 * time.Second // how long a sign-in waits for its turn
)

func hashPassword(password string, cost int) (string, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	return string(hash), err
}

// passwords checks passwords, a few at a time: each check keeps a processor
// busy for some 50 ms, so without a bound a flood of sign-ins would stop the
// site for all. A public site also limits the attempts per account and address.
// It is safe for concurrent use.
type passwords struct {
	turns chan struct{}
	dummy string // the hash of a password that nobody has
}

func newPasswords(cost int) (*passwords, error) {
	dummy, err := hashPassword(rand.Text(), cost)
	if err != nil {
		return nil, err
	}
	return &passwords{turns: make(chan struct{}, runtime.GOMAXPROCS(0)), dummy: dummy}, nil
}

// match tells whether password belongs to hash. An empty hash stands for an
// unknown user: it takes the same work, so that the time of an answer does not
// tell which e-mail addresses have an account.
func (p *passwords) match(ctx context.Context, hash, password string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, passwordWait)
	defer cancel()
	select {
	case p.turns <- struct{}{}:
		defer func() { <-p.turns }()
	case <-ctx.Done():
		return false, unavailable("check a password", ctx.Err())
	}
	possible := hash != "" && len(password) <= passwordMax
	if !possible {
		hash, password = p.dummy, password[:min(len(password), passwordMax)]
	}
	err := bcrypt.CompareHashAndPassword([]byte(hash), []byte(password))
	return err == nil && possible, nil
}
