package handlers

import "testing"

func TestATableThatBelongsToUsersIsReadByItsColumns(t *testing.T) {
	t.Parallel()
	checkSQL(t, "app.memberships", []string{"user_id"}, []sqlRow{
		{"INSERT INTO memberships (user_id, role) VALUES (1, 'x')", "insert"},
		{`INSERT INTO "user_roles" ("user_id","role_id") VALUES ($1,$2) ON CONFLICT DO NOTHING`, "no"},
		{"UPDATE `memberships` SET `role`=? WHERE user_id = ? AND `memberships`.`deleted_at` IS NULL", "role of #1"},
		{`UPDATE "memberships" SET "deleted_at"=$1 WHERE user_id IN ($2,$3) AND "memberships"."deleted_at" IS NULL`, "deleted_at of #1,#2"},
		{`UPDATE "memberships" SET "role"=$1 WHERE "id" = $2`, "role of ?"},
		{`UPDATE "memberships" SET "role"=$1 WHERE "id" = $2 OR user_id = $3`, "role of ?"},
		{`UPDATE "memberships" SET "role"=$1,"user_id"=$2 WHERE user_id = $3`, "role,user_id of ?"},
		{"DELETE FROM app.memberships m WHERE m.user_id = 7 AND role = 'x'", "? of 7"},
		{"DELETE FROM memberships WHERE users.user_id = 7", "? of ?"},
		{"UPDATE users SET plan = 1 WHERE id IN (SELECT user_id FROM memberships WHERE user_id = 7)", "no"},
		{"UPDATE users JOIN memberships ON true SET plan = 1, role = 2 WHERE user_id = 7", "? of ?"},
		{"WITH x AS (DELETE FROM memberships WHERE user_id = 7 RETURNING *) UPDATE users SET plan = 1", "? of ?"},
		{"DELETE FROM users USING memberships WHERE user_id = 7", "? of ?"},
	})
	checkSQL(t, "levels", nil, []sqlRow{
		{"UPDATE levels SET a = 1 WHERE id = 7", "a of ?"},
		{"DELETE FROM levels WHERE user_id = 7", "? of ?"},
		{"INSERT INTO levels VALUES (1)", "insert"},
	})
}

func TestWhatAStatementDoesToRowsIsTold(t *testing.T) {
	t.Parallel()
	r := newSQLReader("users", []string{"id"})
	for sql, want := range map[string]sqlWrite{
		"INSERT INTO users VALUES (1)":                                                 {insert: true},
		"INSERT OR IGNORE INTO users VALUES (1)":                                       {insert: true},
		"INSERT INTO users VALUES (1) ON CONFLICT (id) DO UPDATE SET a = 1":            {upsert: true},
		"INSERT INTO users VALUES (1) ON DUPLICATE KEY UPDATE a = 1":                   {upsert: true},
		"INSERT OR REPLACE INTO users VALUES (1)":                                      {},
		"INSERT OR REPLACE INTO users VALUES (1) ON CONFLICT (id) DO UPDATE SET a = 1": {},
		"REPLACE INTO users VALUES (1)":                                                {},
		"DELETE FROM users":                                                            {remove: true},
		"DELETE FROM users WHERE id = 1":                                               {remove: true},
		"DELETE users FROM users JOIN x":                                               {},
		"UPDATE users SET a = 1":                                                       {},
		"TRUNCATE users":                                                               {},
	} {
		got := r.read(sql)
		if !got.touches || got.insert != want.insert || got.upsert != want.upsert || got.remove != want.remove {
			t.Errorf("%s is %+v; want insert %v, upsert %v, remove %v", sql, got, want.insert, want.upsert, want.remove)
		}
	}
}
