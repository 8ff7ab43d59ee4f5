package handlers

import (
	"fmt"
	"strings"
	"testing"
)

// describe puts a sqlWrite in words: "no", "insert", or the columns that are
// set and the key's values; ? for what is not known.
func (w sqlWrite) describe() string {
	if !w.touches {
		return "no"
	}
	if w.insert {
		return "insert"
	}
	columns, keys := "?", "?"
	if w.columns != nil {
		columns = strings.Join(w.columns, ",")
	}
	if w.exact {
		var terms []string
		for _, term := range w.keys {
			var values []string
			for _, v := range term {
				switch {
				case v.index >= 0:
					values = append(values, fmt.Sprintf("#%d", v.index))
				case v.number:
					values = append(values, v.literal)
				default:
					values = append(values, "'"+v.literal+"'")
				}
			}
			terms = append(terms, strings.Join(values, ","))
		}
		keys = strings.Join(terms, ";")
	}
	return columns + " of " + keys
}

type sqlRow struct{ sql, want string }

func checkSQL(t *testing.T, table string, key []string, rows []sqlRow) {
	t.Helper()
	r := newSQLReader(table, key)
	for _, row := range rows {
		if got := r.read(row.sql).describe(); got != row.want {
			t.Errorf("%s\n\tread as %q; want %q", row.sql, got, row.want)
		}
	}
}

func TestWhatGORMBuildsIsReadInEveryDialect(t *testing.T) {
	t.Parallel()
	const all = "created_at,updated_at,deleted_at,name,plan,org_id"
	checkSQL(t, "users", []string{"id"}, []sqlRow{
		{`UPDATE "users" SET "created_at"=$1,"updated_at"=$2,"deleted_at"=$3,"name"=$4,"plan"=$5,"org_id"=$6 WHERE "users"."deleted_at" IS NULL AND "id" = $7`, all + " of #6"},
		{"UPDATE `users` SET `created_at`=?,`updated_at`=?,`deleted_at`=?,`name`=?,`plan`=?,`org_id`=? WHERE `users`.`deleted_at` IS NULL AND `id` = ?", all + " of #6"},
		{`UPDATE "users" SET "name"=upper($1),"plan"=$2,"updated_at"=$3 WHERE "users"."deleted_at" IS NULL AND "id" = $4`, "name,plan,updated_at of #3"},
		{"UPDATE `users` SET `plan`=? WHERE (plan = ? OR name = ?) AND `users`.`deleted_at` IS NULL AND `id` = ?", "plan of #3"},
		{`UPDATE "users" SET "plan"=$1 WHERE "id" = $2`, "plan of #1"},
		{`UPDATE "users" SET "deleted_at"=$1 WHERE "users"."id" = $2 AND "users"."deleted_at" IS NULL`, "deleted_at of #1"},
		{"UPDATE `users` SET `deleted_at`=? WHERE `users`.`id` IN (?,?) AND `users`.`deleted_at` IS NULL", "deleted_at of #1,#2"},
		{`DELETE FROM "users" WHERE "users"."id" = $1`, "? of #0"},
		{"DELETE FROM `users` WHERE `users`.`id` IN (?,?,?)", "? of #0,#1,#2"},
		{"DELETE FROM `users` WHERE `users`.`id` = ? AND `users`.`id` = ?", "? of #0"},
		{`INSERT INTO "users" ("name","plan") VALUES ($1,$2),($3,$4) RETURNING "id"`, "insert"},
		{"INSERT INTO `users` (`name`,`id`) VALUES (?,?) ON CONFLICT DO NOTHING RETURNING `id`", "insert"},
		{"INSERT INTO `users` (`name`,`id`) VALUES (?,?) ON DUPLICATE KEY UPDATE `id`=`id`", "insert"},
		{"INSERT INTO `users` (`name`,`id`) VALUES (?,?) ON DUPLICATE KEY UPDATE `name`=VALUES(`name`)", "? of ?"},
		{"INSERT INTO `users` (`name`,`id`) VALUES (?,?) ON DUPLICATE KEY UPDATE `id`=`id`,`name`=?", "? of ?"},
		{`INSERT INTO "users" ("name","id") VALUES ($1,$2) ON CONFLICT ("id") DO UPDATE SET "name"="excluded"."name" RETURNING "id"`, "? of ?"},
		{"UPDATE users AS u SET `plan`=? WHERE u.id = ?", "plan of #1"},
		{`UPDATE "users" SET "plan"=$1,"updated_at"=$2 WHERE (name = $3 AND plan = $4) AND "users"."deleted_at" IS NULL AND "id" = $5 RETURNING *`, "plan,updated_at of #4"},
		{`UPDATE "users" SET "plan"=$1 WHERE "users"."plan" = $2 AND "users"."id" IN ($3,$4) AND "users"."deleted_at" IS NULL`, "plan of #2,#3"},
		{"UPDATE `users` SET `plan`=? WHERE id IN (?,?) AND `users`.`deleted_at` IS NULL LIMIT ?", "plan of #1,#2"},
		{"UPDATE `users` SET `plan`=? WHERE id IN (SELECT `id` FROM `orgs`) AND `users`.`deleted_at` IS NULL", "plan of ?"},
		{"UPDATE `users` SET `plan`=? WHERE `users`.`deleted_at` IS NULL", "plan of ?"},
		{"UPDATE `users` SET `org_id`=NULL WHERE `users`.`id` <> ? AND `users`.`org_id` = ?", "org_id of ?"},
		{"INSERT INTO `user_roles` (`user_id`,`role_id`) VALUES (?,?) ON CONFLICT DO NOTHING", "no"},
		{"DELETE FROM `user_roles` WHERE `user_roles`.`user_id` = ?", "no"},
		{`SELECT * FROM "users" WHERE "users"."id" = $1 ORDER BY "users"."id" LIMIT $2 FOR UPDATE`, "no"},
		{"SAVEPOINT sp0x1", "no"},
		{"ROLLBACK TO SAVEPOINT sp0x1", "no"},
		{"", "no"},
	})
	checkSQL(t, "members", []string{"tenant", "id"}, []sqlRow{
		{`UPDATE "members" SET "plan"=$1 WHERE "tenant" = $2 AND "id" = $3`, "plan of #1;#2"},
		{"UPDATE `members` SET `plan`=? WHERE `id` = ? AND `tenant` = ?", "plan of #2;#1"},
		{"UPDATE `members` SET `plan`=? WHERE `id` IN (1, 2) AND `tenant` = 'a'", "plan of 'a';1,2"},
		{"UPDATE `members` SET `plan`=? WHERE `id` IN (1, 2) AND `tenant` IN ('a', 'b')", "plan of ?"},
		{"UPDATE `members` SET `plan`=? WHERE `tenant` = ?", "plan of ?"},
		{"UPDATE `members` SET `tenant`=? WHERE `id` = ? AND `tenant` = ?", "tenant of ?"},
		{"DELETE FROM `members` WHERE (`members`.`tenant`,`members`.`id`) IN ((?,?),(?,?))", "? of ?"},
	})
}

func TestTheTableIsFoundHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	var rows []sqlRow
	for _, name := range []string{"users", "USERS", `"users"`, "`users`", "[users]", "'users'", "public.users", `"main"."users"`, "a.b.users", "ONLY users"} {
		rows = append(rows,
			sqlRow{"UPDATE " + name + " SET plan = 1 WHERE id = 5", "plan of 5"},
			sqlRow{"DELETE FROM " + name + " u WHERE u.id = 5;", "? of 5"},
			sqlRow{"TRUNCATE " + name, "? of ?"})
		if name != "ONLY users" {
			rows = append(rows, sqlRow{"INSERT INTO " + name + " DEFAULT VALUES", "insert"})
		}
	}
	for _, name := range []string{"user", "users2", "xusers", `"users "`, "users.orders", "orders AS users"} {
		rows = append(rows, sqlRow{"UPDATE " + name + " SET plan = 1 WHERE id = 5", "no"})
	}
	checkSQL(t, "app.users", []string{"id"}, rows)
}
