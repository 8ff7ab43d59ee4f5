package gormstore

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
)

// driverError is shaped as that of github.com/go-sql-driver/mysql.
type driverError struct {
	Number  uint16
	Message string
}

func (e *driverError) Error() string { return fmt.Sprintf("Error %d: %s", e.Number, e.Message) }

// stateError is shaped as those of pgx and lib/pq.
type stateError string

func (e stateError) Error() string    { return "ERROR: (SQLSTATE " + string(e) + ")" }
func (e stateError) SQLState() string { return string(e) }

func TestErrorsOfDrivers(t *testing.T) {
	t.Parallel()
	wrapped := func(err error) error { return fmt.Errorf("a driver around it: %w", err) }
	for _, tt := range []struct {
		dialect              *dialect
		err                  error
		contended, forgotten bool
	}{
		{&sqlite, errors.New("database is locked (5) (SQLITE_BUSY)"), true, false},
		{&sqlite, errors.New("database table is locked: t"), true, false},
		{&sqlite, errors.New("attempt to write a readonly database (8)"), false, false},
		{&postgres, wrapped(stateError("40001")), true, false},
		{&postgres, stateError("40P01"), true, false},
		{&postgres, stateError("55P03"), true, false},
		{&postgres, stateError("26000"), false, true},
		{&postgres, wrapped(stateError("0A000")), false, true},
		{&postgres, stateError("53300"), false, false},
		{&postgres, errors.New("40001"), false, false},
		{&mysql, wrapped(&driverError{Number: 1213}), true, false},
		{&mysql, &driverError{Number: 1205}, true, false},
		{&mysql, &driverError{Number: 1020}, true, false},
		{&mysql, wrapped(&driverError{Number: 1243}), false, true},
		{&mysql, &driverError{Number: 1615}, false, true},
		{&mysql, &driverError{Number: 1290}, false, false},
		{&mysql, stateError("40001"), false, false},
		{&mysql, errors.New("invalid connection"), false, false},
	} {
		if got := tt.dialect.contended(tt.err); got != tt.contended {
			t.Errorf("contended(%v) = %v; want %v", tt.err, got, tt.contended)
		}
		if got := tt.dialect.forgotten(tt.err); got != tt.forgotten {
			t.Errorf("forgotten(%v) = %v; want %v", tt.err, got, tt.forgotten)
		}
	}
}

func TestMySQLSettings(t *testing.T) {
	t.Parallel()
	usual := map[string]string{
		"autocommit": "ON", "transaction_isolation": "REPEATABLE-READ", "tx_isolation": "READ-COMMITTED",
		"transaction_read_only": "OFF", "tx_read_only": "OFF", "read_only": "OFF", "super_read_only": "OFF", "innodb_read_only": "OFF",
	}
	for _, tt := range []struct{ name, value, want string }{
		{"autocommit", "OFF", "autocommit is off"},
		{"transaction_isolation", "READ-UNCOMMITTED", "transaction_isolation is READ-UNCOMMITTED"},
		{"tx_isolation", "READ-UNCOMMITTED", "tx_isolation is READ-UNCOMMITTED"},
		{"transaction_isolation", "SERIALIZABLE", ""},
		{"read_only", "ON", "read_only is ON, as on a replica"},
		{"read_only", "NO_LOCK", "read_only is NO_LOCK, as on a replica"},
		{"super_read_only", "ON", "super_read_only is ON, as on a replica"},
		{"innodb_read_only", "ON", "innodb_read_only is ON, as on a replica"},
		{"transaction_read_only", "ON", "transaction_read_only is on"},
		{"tx_read_only", "ON", "tx_read_only is on"},
	} {
		set := maps.Clone(usual)
		set[tt.name] = tt.value
		got := mysqlFault(set)
		if (got == nil) != (tt.want == "") || got != nil && !strings.Contains(got.Error(), tt.want) {
			t.Errorf("%s = %s: %v; want %q", tt.name, tt.value, got, tt.want)
		}
	}
	if got := mysqlFault(usual); got != nil {
		t.Errorf("the usual settings: %v; want no fault", got)
	}
	if got := mysqlFault(map[string]string{}); got != nil {
		t.Errorf("a server that knows none of them: %v; want no fault", got)
	}
	both := mysqlFault(map[string]string{"autocommit": "OFF", "read_only": "ON"})
	for _, want := range []string{"autocommit", "read_only"} {
		if both == nil || !strings.Contains(both.Error(), want) {
			t.Errorf("two faults at once: %v; want both named", both)
		}
	}
}
