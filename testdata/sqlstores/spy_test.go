package sqlstores

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
	"sync"
)

// A spy stands between database/sql and a driver, notes the statements that
// are sent, and fails where it is told to.
type spy struct {
	driver.Connector

	mu       sync.Mutex
	seen     []string                 // guarded by mu; without what is prepared only
	prepared []string                 // guarded by mu
	before   func(query string) error // guarded by mu; an error keeps the statement from being sent
	after    func(query string) error // guarded by mu; an error takes the place of its answer
	refused  int                      // guarded by mu; connections that are still to fail, for a lock
}

func (s *spy) Connect(ctx context.Context) (driver.Conn, error) {
	s.mu.Lock()
	refuse := s.refused > 0
	if refuse {
		s.refused--
	}
	s.mu.Unlock()
	if refuse {
		return nil, errors.New("database is locked (5) (SQLITE_BUSY)")
	}
	conn, err := s.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &spiedConn{conn, s}, nil
}

// note adds a statement, unless the driver has declined it (ErrSkip), and
// returns what the test wants to come of it.
func (s *spy) note(query string, send func() error) error {
	s.mu.Lock()
	before, after := s.before, s.after
	s.mu.Unlock()
	if before != nil {
		if err := before(query); err != nil {
			return err
		}
	}
	err := send()
	if errors.Is(err, driver.ErrSkip) {
		return err
	}
	s.mu.Lock()
	s.seen = append(s.seen, query)
	s.mu.Unlock()
	if err == nil && after != nil {
		err = after(query)
	}
	return err
}

// fail sets the faults, nil for none.
func (s *spy) fail(before, after func(query string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before, s.after = before, after
}

// take returns the first word of each statement since it was last asked.
func (s *spy) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var words []string
	for _, query := range s.seen {
		word, _, _ := strings.Cut(strings.TrimSpace(query), " ")
		words = append(words, word)
	}
	s.seen, s.prepared = nil, nil
	return strings.Join(words, " ")
}

// preparations returns how many statements were prepared since take.
func (s *spy) preparations() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.prepared)
}

type spiedConn struct {
	driver.Conn
	spy *spy
}

func (c *spiedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (result driver.Result, err error) {
	inner, ok := c.Conn.(driver.ExecerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	err = c.spy.note(query, func() (err error) {
		result, err = inner.ExecContext(ctx, query, args)
		return err
	})
	return result, err
}

func (c *spiedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (rows driver.Rows, err error) {
	inner, ok := c.Conn.(driver.QueryerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	err = c.spy.note(query, func() (err error) {
		rows, err = inner.QueryContext(ctx, query, args)
		return err
	})
	return rows, err
}

func (c *spiedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	stmt, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	c.spy.mu.Lock()
	c.spy.prepared = append(c.spy.prepared, query)
	c.spy.mu.Unlock()
	return &spiedStmt{stmt, c, query}, nil
}

func (c *spiedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (tx driver.Tx, err error) {
	err = c.spy.note("BEGIN", func() (err error) {
		tx, err = c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
		return err
	})
	return tx, err
}

func (c *spiedConn) ResetSession(ctx context.Context) error {
	if inner, ok := c.Conn.(driver.SessionResetter); ok {
		return inner.ResetSession(ctx)
	}
	return nil
}

func (c *spiedConn) IsValid() bool {
	inner, ok := c.Conn.(driver.Validator)
	return !ok || inner.IsValid()
}

func (c *spiedConn) CheckNamedValue(value *driver.NamedValue) error {
	if inner, ok := c.Conn.(driver.NamedValueChecker); ok {
		return inner.CheckNamedValue(value)
	}
	return driver.ErrSkip
}

type spiedStmt struct {
	driver.Stmt
	conn  *spiedConn
	query string
}

func (s *spiedStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (result driver.Result, err error) {
	err = s.conn.spy.note(s.query, func() (err error) {
		result, err = s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
		return err
	})
	return result, err
}

func (s *spiedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (rows driver.Rows, err error) {
	err = s.conn.spy.note(s.query, func() (err error) {
		rows, err = s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
		return err
	})
	return rows, err
}

func (s *spiedStmt) CheckNamedValue(value *driver.NamedValue) error {
	if inner, ok := s.Stmt.(driver.NamedValueChecker); ok {
		return inner.CheckNamedValue(value)
	}
	return s.conn.CheckNamedValue(value)
}
