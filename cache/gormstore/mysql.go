package gormstore

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

var mysql = dialect{
	quote:    "`",
	prepares: true, // the driver would prepare and close one at each call
	// The time in UTC and the difference of two times know no session time
	// zone. UNIX_TIMESTAMP(SYSDATE(6)) would go through it, and back by an hour
	// in autumn. UTC_TIMESTAMP is that of the statement's start.
	clock:  "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) * 1000",
	latest: "GREATEST",
	// How many rows ON DUPLICATE KEY UPDATE has changed depends on
	// clientFoundRows, and cannot be told from an INSERT with it. With IGNORE a
	// row that is there is 0 rows and no error. What else would be ignored
	// cannot occur: the columns take what they are given.
	create: "INSERT IGNORE INTO {table} (id, version, data, expires) VALUES (?, ?, ?, ?)",
	revive: "UPDATE {table} SET version = ?, data = ?, expires = ? WHERE id = ? AND expires <> 0 AND expires <= {time}",
	// One at a time: a DELETE of many would lock the first and wait for the last
	// if somebody has locked that, and go on waiting after its caller has left.
	// Not every server knows SKIP LOCKED.
	expired: "SELECT id FROM {table} WHERE expires <> 0 AND expires <= {clock} ORDER BY expires LIMIT {limit}",
	bury:    "DELETE FROM {table} WHERE id = ? AND expires <> 0 AND expires <= {clock}",
	schema: `CREATE TABLE IF NOT EXISTS {table} (
	id BINARY(32) NOT NULL PRIMARY KEY,
	version BINARY(16) NOT NULL,
	data MEDIUMBLOB NOT NULL,
	expires BIGINT NOT NULL,
	KEY {index} (expires)
) ENGINE = InnoDB;`,
	settings: func(ctx context.Context, p *pool) (fault, err error) {
		set, err := mysqlVariables(ctx, p)
		if err != nil {
			return nil, err
		}
		return mysqlFault(set), nil
	},
	contended: func(err error) bool {
		return slices.Contains([]uint64{
			1020, // the record has changed since (innodb_snapshot_isolation)
			1205, // lock wait timeout
			1213, // deadlock, or a Galera node that came second
		}, mysqlNumber(err))
	},
	forgotten: func(err error) bool {
		return slices.Contains([]uint64{
			1243, // unknown prepared statement
			1615, // it needs to be prepared anew
		}, mysqlNumber(err))
	},
}

// mysqlVariables asks for settings whose names differ from one server to the
// next: those that it does not know are left out.
func mysqlVariables(ctx context.Context, p *pool) (map[string]string, error) {
	rows, err := p.QueryContext(ctx, "SHOW VARIABLES WHERE Variable_name IN ('autocommit', 'transaction_isolation',"+
		" 'tx_isolation', 'transaction_read_only', 'tx_read_only', 'read_only', 'super_read_only', 'innodb_read_only')")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	set := map[string]string{}
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return nil, err
		}
		set[name] = strings.ToUpper(value)
	}
	return set, rows.Err()
}

func mysqlFault(set map[string]string) error {
	var faults []error
	if set["autocommit"] == "OFF" {
		faults = append(faults, errors.New("autocommit is off, so that no change would be committed: take autocommit=0 out of the DSN or of init_connect"))
	}
	for _, name := range []string{"transaction_isolation", "tx_isolation"} {
		if set[name] == "READ-UNCOMMITTED" {
			faults = append(faults, fmt.Errorf("%s is READ-UNCOMMITTED, so that a change could be seen which is then undone: set READ-COMMITTED or REPEATABLE-READ", name))
			break
		}
	}
	for _, name := range []string{"super_read_only", "innodb_read_only", "read_only"} {
		if value, ok := set[name]; ok && value != "OFF" {
			// A SUPER user may write there, and would write to a replica.
			faults = append(faults, fmt.Errorf("%s is %s, as on a replica: connect to the primary", name, value))
			break
		}
	}
	for _, name := range []string{"transaction_read_only", "tx_read_only"} {
		if set[name] == "ON" {
			faults = append(faults, fmt.Errorf("%s is on: set it off for this user or DSN", name))
			break
		}
	}
	return errors.Join(faults...)
}

// mysqlNumber returns the server's number of an error, which the driver keeps in
// a field of that name, and 0 for any other error.
func mysqlNumber(err error) uint64 {
	for ; err != nil; err = errors.Unwrap(err) {
		v := reflect.Indirect(reflect.ValueOf(err))
		if v.Kind() != reflect.Struct {
			continue
		}
		if number := v.FieldByName("Number"); number.IsValid() && number.CanUint() {
			return number.Uint()
		}
	}
	return 0
}
