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
	cost  int    // of bcrypt
}

func newPasswords(cost int) (*passwords, error) {
	dummy, err := hashPassword(rand.Text(), cost)
	if err != nil {
		return nil, err
	}
	return &passwords{turns: make(chan struct{}, runtime.GOMAXPROCS(0)), dummy: dummy, cost: cost}, nil
}

// hash turns a new password into what is kept of it.
func (p *passwords) hash(ctx context.Context, password string) (hash string, err error) {
	if waited := p.turn(ctx, func() { hash, err = hashPassword(password, p.cost) }); waited != nil {
		return "", waited
	}
	return hash, err
}

// turn runs work when it is its turn.
func (p *passwords) turn(ctx context.Context, work func()) error {
	ctx, cancel := context.WithTimeout(ctx, passwordWait)
	defer cancel()
	select {
	case p.turns <- struct{}{}:
		defer func() { <-p.turns }()
	case <-ctx.Done():
		return unavailable("wait for a turn to check a password", ctx.Err())
	}
	work()
	return nil
}

// match tells whether password belongs to hash. An empty hash stands for an
// unknown user: it takes the same work, so that the time of an answer does not
// tell which e-mail addresses have an account.
func (p *passwords) match(ctx context.Context, hash, password string) (bool, error) {
	possible := hash != "" && len(password) <= passwordMax
	if !possible {
		hash, password = p.dummy, password[:min(len(password), passwordMax)]
	}
	same := false
	err := p.turn(ctx, func() {
		same = bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
	})
	return same && possible, err
}
