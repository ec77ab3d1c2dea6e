--# One migration a line; a line that begins with two spaces goes on with the one above.
--# Added columns
ALTER TABLE users ADD COLUMN extra TEXT
ALTER TABLE users ADD extra INTEGER
ALTER TABLE users ADD COLUMN extra
ALTER TABLE users ADD COLUMN extra TEXT NOT NULL DEFAULT ''
ALTER TABLE users ADD COLUMN extra TEXT DEFAULT NULL
ALTER TABLE users ADD COLUMN extra INT DEFAULT 0 CHECK (extra >= 0)
ALTER TABLE users ADD COLUMN extra INT CHECK (extra > 0 OR age > 0 OR age IS NULL)
ALTER TABLE notes ADD COLUMN extra INT CHECK (extra > 0)
ALTER TABLE notes ADD COLUMN extra INT CHECK (id > 0)
ALTER TABLE users ADD COLUMN extra INT REFERENCES teams (id)
ALTER TABLE users ADD COLUMN extra INT GENERATED ALWAYS AS (age + 1)
ALTER TABLE notes ADD COLUMN extra INT GENERATED ALWAYS AS (id + 1) VIRTUAL
ALTER TABLE notes ADD COLUMN extra INT AS (id + 1)
ALTER TABLE orders ADD COLUMN extra TEXT AS (total || 'x') VIRTUAL
ALTER TABLE orders ADD COLUMN extra TEXT NOT NULL AS (note || 'x') VIRTUAL
ALTER TABLE orders ADD COLUMN extra TEXT AS (json_extract(note, '$.a')) VIRTUAL
ALTER TABLE users ADD COLUMN extra TEXT COLLATE NOCASE
ALTER TABLE users ADD COLUMN "extra column" TEXT
ALTER TABLE users ADD COLUMN [extra] TEXT
ALTER TABLE users ADD COLUMN `extra` TEXT
ALTER TABLE "Mixed Case" ADD COLUMN extra TEXT
ALTER TABLE main.users ADD COLUMN extra TEXT
ALTER TABLE log ADD COLUMN extra TEXT
ALTER TABLE notes ADD COLUMN extra TEXT
ALTER TABLE notes ADD COLUMN extra TEXT NOT NULL DEFAULT 'x'
ALTER TABLE pairs ADD COLUMN extra TEXT
ALTER TABLE strict_one ADD COLUMN extra TEXT
ALTER TABLE teams ADD COLUMN extra TEXT; CREATE UNIQUE INDEX i ON teams (extra)
ALTER TABLE strict_one ADD COLUMN extra TEXT DEFAULT 'x'; CREATE UNIQUE INDEX i ON strict_one (extra)
ALTER TABLE users ADD COLUMN extra BOOLEAN NOT NULL DEFAULT FALSE
ALTER TABLE users ADD COLUMN extra DATETIME
--# Dropped and renamed
ALTER TABLE users DROP COLUMN age
ALTER TABLE users DROP COLUMN digits
ALTER TABLE users DROP age
ALTER TABLE notes DROP COLUMN note
ALTER TABLE users RENAME COLUMN name TO full_name
ALTER TABLE users RENAME age TO years
ALTER TABLE users RENAME TO people
ALTER TABLE log RENAME TO journal; CREATE VIEW log AS SELECT * FROM journal
ALTER TABLE notes RENAME TO old_notes; CREATE TABLE notes (id INTEGER, note TEXT)
ALTER TABLE "Mixed Case" RENAME COLUMN "User Name" TO user_name
DROP TABLE log
DROP TABLE IF EXISTS log
DROP TABLE IF EXISTS no_such_table
DROP TABLE "Mixed Case"
DROP TABLE main.log
DROP VIEW active_users
DROP VIEW IF EXISTS active_users
DROP INDEX users_name_idx
DROP INDEX users_nick_idx
DROP INDEX IF EXISTS users_nick_idx
DROP TRIGGER log_stamp
DROP TRIGGER IF EXISTS log_stamp
--# Tables
CREATE TABLE fresh (id INTEGER PRIMARY KEY)
CREATE TABLE IF NOT EXISTS fresh (id INTEGER PRIMARY KEY, name TEXT NOT NULL)
CREATE TABLE IF NOT EXISTS users (id INTEGER)
CREATE TABLE fresh (id INTEGER PRIMARY KEY AUTOINCREMENT)
CREATE TABLE fresh (a TEXT, b TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID
CREATE TABLE fresh (a TEXT) STRICT
CREATE TABLE fresh (a ANY PRIMARY KEY) STRICT, WITHOUT ROWID
CREATE TABLE fresh (user_id INTEGER REFERENCES users (id))
CREATE TABLE fresh (user_id INTEGER REFERENCES users (id)); INSERT INTO fresh VALUES (3)
CREATE TABLE fresh (user_id INTEGER REFERENCES users (id) ON DELETE CASCADE)
CREATE TABLE fresh AS SELECT * FROM users
CREATE TABLE fresh (a INT, b INT GENERATED ALWAYS AS (a * 2) STORED)
CREATE TABLE fresh (a INT CHECK (a > 0), b TEXT COLLATE NOCASE UNIQUE ON CONFLICT REPLACE)
CREATE TEMP TABLE fresh (id INTEGER)
CREATE TEMP TABLE log (id INTEGER)
CREATE TEMP TABLE log (id INTEGER); DROP TABLE log
CREATE TEMP TABLE log (id INTEGER); DROP TABLE log; DROP TABLE log
CREATE TEMP TABLE log (id INTEGER); DROP TABLE main.log
CREATE TEMP TABLE log (id INTEGER); DELETE FROM main.log
CREATE TEMP TABLE log (at INTEGER); DELETE FROM log
CREATE TABLE "fresh" (id INTEGER); DROP TABLE fresh
CREATE TABLE Fresh (id INTEGER); DROP TABLE FRESH
CREATE TABLE fresh (id INTEGER); DROP TABLE fresh
CREATE TABLE [fresh table] (id INTEGER)
CREATE VIRTUAL TABLE search USING fts5(body)
CREATE VIRTUAL TABLE search USING fts5(name, content='users', content_rowid='id')
CREATE VIRTUAL TABLE places USING rtree(id, a, b)
--# Rebuilds
CREATE TABLE new_notes (id INTEGER, note TEXT, extra TEXT); INSERT INTO new_notes (id, note) SELECT id, note FROM notes; DROP TABLE notes; ALTER TABLE new_notes RENAME TO notes
CREATE TABLE new_notes (id INTEGER, note TEXT NOT NULL); INSERT INTO new_notes SELECT id, note FROM notes; DROP TABLE notes; ALTER TABLE new_notes RENAME TO notes
CREATE TABLE new_notes (id INTEGER, note TEXT); INSERT INTO new_notes SELECT id, note FROM notes; DROP TABLE notes; ALTER TABLE new_notes RENAME TO notes
CREATE TABLE new_notes (id INTEGER PRIMARY KEY, note TEXT); INSERT INTO new_notes SELECT id, note FROM notes; DROP TABLE notes; ALTER TABLE new_notes RENAME TO notes
CREATE TABLE new_notes (id INTEGER); INSERT INTO new_notes SELECT id FROM notes; DROP TABLE notes; ALTER TABLE new_notes RENAME TO notes
PRAGMA foreign_keys = OFF; BEGIN; CREATE TABLE new_teams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, extra TEXT); INSERT INTO new_teams (id, name) SELECT id, name FROM teams; DROP TABLE teams; ALTER TABLE new_teams RENAME TO teams; PRAGMA foreign_key_check; COMMIT; PRAGMA foreign_keys = ON
PRAGMA foreign_keys = OFF; CREATE TABLE new_teams (id INTEGER PRIMARY KEY, name TEXT NOT NULL); INSERT INTO new_teams SELECT id, name FROM teams; DROP TABLE teams; ALTER TABLE new_teams RENAME TO teams
CREATE TABLE new_log (at INTEGER, line TEXT); INSERT INTO new_log SELECT at, line FROM log; DROP TABLE log; ALTER TABLE new_log RENAME TO log
CREATE TABLE new_log (at INTEGER, line TEXT); INSERT INTO new_log SELECT at, line FROM log WHERE at > 1; DROP TABLE log; ALTER TABLE new_log RENAME TO log
CREATE TABLE new_log (at TEXT, line TEXT); INSERT INTO new_log SELECT at, line FROM log; DROP TABLE log; ALTER TABLE new_log RENAME TO log
CREATE TABLE new_log (at INTEGER, line TEXT) STRICT; INSERT INTO new_log SELECT at, line FROM log; DROP TABLE log; ALTER TABLE new_log RENAME TO log
CREATE TABLE new_pairs (a TEXT, b TEXT, c INT); INSERT INTO new_pairs SELECT a, b, c FROM pairs; DROP TABLE pairs; ALTER TABLE new_pairs RENAME TO pairs
PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = 'CREATE TABLE notes (id INTEGER, other TEXT)' WHERE name = 'notes'; PRAGMA writable_schema = OFF
PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'notes'
--# Indexes
CREATE INDEX i ON users (age)
CREATE INDEX IF NOT EXISTS i ON users (age)
CREATE INDEX i ON users (lower(email))
CREATE INDEX i ON users (age) WHERE active
CREATE INDEX i ON users (age DESC, name COLLATE NOCASE)
CREATE INDEX i ON users (json_extract(doc, '$.a'))
CREATE INDEX i ON users (abs(age))
CREATE INDEX i ON notes (abs(note))
CREATE INDEX i ON log (json(line)) WHERE at > 100
CREATE UNIQUE INDEX i ON log (at)
CREATE UNIQUE INDEX IF NOT EXISTS i ON log (at)
CREATE UNIQUE INDEX i ON log (at) WHERE at = 3
CREATE UNIQUE INDEX i ON users (lower(email))
CREATE UNIQUE INDEX i ON users (email COLLATE NOCASE)
CREATE UNIQUE INDEX main.i ON notes (note)
REINDEX
REINDEX users_name_idx
ANALYZE
ANALYZE users
VACUUM
VACUUM main
--# Views and triggers
CREATE VIEW fresh AS SELECT id FROM users
CREATE VIEW IF NOT EXISTS active_users AS SELECT 1 AS one
CREATE TEMP VIEW fresh AS SELECT id FROM users
DROP VIEW active_users; CREATE VIEW active_users AS SELECT id, email, name FROM users WHERE active
DROP VIEW active_users; CREATE VIEW active_users AS SELECT id, email FROM users
CREATE TRIGGER t BEFORE INSERT ON notes BEGIN SELECT RAISE(ABORT, 'refused'); END
CREATE TRIGGER t AFTER INSERT ON notes BEGIN DELETE FROM notes WHERE id = 1; END
CREATE TRIGGER t AFTER INSERT ON teams BEGIN INSERT INTO log (at) VALUES (50); END
CREATE TRIGGER IF NOT EXISTS t AFTER DELETE ON log BEGIN SELECT RAISE(IGNORE); END
CREATE TRIGGER t BEFORE DELETE ON log BEGIN SELECT RAISE(IGNORE); END
CREATE TRIGGER t INSTEAD OF INSERT ON active_users BEGIN INSERT INTO users (email) VALUES (NEW.email); END
CREATE TEMP TRIGGER t BEFORE INSERT ON notes BEGIN SELECT RAISE(ABORT, 'refused'); END
CREATE TABLE fresh (id INT); CREATE TRIGGER t BEFORE INSERT ON fresh BEGIN SELECT RAISE(ABORT, 'refused'); END
--# Rows
INSERT INTO teams (name) VALUES ('black')
INSERT INTO teams (name) SELECT 'black'
INSERT OR IGNORE INTO teams (name) VALUES ('red')
INSERT OR REPLACE INTO teams (id, name) VALUES (2, 'red')
INSERT OR REPLACE INTO notes VALUES (5, 'n')
INSERT OR FAIL INTO notes VALUES (5, 'n')
INSERT OR ABORT INTO notes VALUES (5, 'n')
REPLACE INTO teams (id, name) VALUES (1, 'crimson')
INSERT INTO teams (name) VALUES ('red') ON CONFLICT (name) DO UPDATE SET name = 'crimson'
INSERT INTO teams (name) VALUES ('red') ON CONFLICT DO NOTHING
INSERT INTO notes DEFAULT VALUES
UPDATE users SET name = 'x'
UPDATE users SET name = 'x' WHERE id = 1
UPDATE users SET name = 'x' WHERE 1
UPDATE users SET name = 'x' WHERE name IS NULL
UPDATE users SET name = 'x' WHERE name ISNULL
UPDATE OR IGNORE users SET email = 'x' WHERE id = 1
UPDATE OR REPLACE users SET email = 'user1@example.com' WHERE email IS NULL
UPDATE OR REPLACE users SET digits = '012', id = 1 WHERE digits IS NULL AND id IS NULL
UPDATE OR REPLACE users SET nick = 'nick1' WHERE nick IS NULL OR id = 2
INSERT INTO users (email) VALUES ('n@example.com'); UPDATE OR REPLACE users SET nick = 'nick1' WHERE nick IS NULL
ALTER TABLE users ADD COLUMN extra INT; UPDATE users SET extra = age
ALTER TABLE users ADD COLUMN extra INT; UPDATE users SET extra = age, name = 'x'
UPDATE users SET name = (SELECT name FROM teams WHERE id = team_id)
DELETE FROM log
DELETE FROM log WHERE at = 1
DELETE FROM log WHERE 1
DELETE FROM log WHERE 'a' = 'a'
DELETE FROM log WHERE 0
DELETE FROM users WHERE age < 0
WITH x AS (SELECT 1 AS n) DELETE FROM log WHERE at IN (SELECT n FROM x)
WITH x AS (SELECT 1) UPDATE log SET line = 'q'
WITH x AS (SELECT 9 AS n) INSERT INTO notes SELECT n, 'x' FROM x
SELECT count(*) FROM users
VALUES (1)
EXPLAIN DELETE FROM log
EXPLAIN QUERY PLAN DELETE FROM log
--# Pragmas, attached files, transactions
PRAGMA foreign_keys = ON
PRAGMA foreign_keys = OFF
PRAGMA foreign_keys = ON; DELETE FROM users WHERE id = 3
PRAGMA journal_mode = WAL
PRAGMA user_version = 5
PRAGMA application_id = 7
PRAGMA encoding = 'UTF-16'
PRAGMA auto_vacuum = FULL
PRAGMA page_size = 8192
PRAGMA integrity_check
PRAGMA optimize
PRAGMA table_info(users)
PRAGMA main.cache_size = 100
PRAGMA case_sensitive_like = ON
PRAGMA recursive_triggers = ON
PRAGMA max_page_count = 1
PRAGMA locking_mode = EXCLUSIVE
PRAGMA incremental_vacuum(5)
ATTACH DATABASE ':memory:' AS other; CREATE TABLE other.log (id INT)
ATTACH ':memory:' AS other; CREATE TABLE other.log (id INT); DROP TABLE other.log
ATTACH ':memory:' AS other; CREATE TABLE other.log (id INT); DROP TABLE log
ATTACH ':memory:' AS other; CREATE TABLE other.fresh (id INT); DETACH other
BEGIN; ALTER TABLE users ADD COLUMN extra TEXT; COMMIT
BEGIN IMMEDIATE; ALTER TABLE users ADD COLUMN extra TEXT; COMMIT
BEGIN EXCLUSIVE TRANSACTION; DROP TABLE log; END TRANSACTION
BEGIN; DROP TABLE log; ROLLBACK
BEGIN; CREATE TEMP TABLE log (at INT); ROLLBACK; DELETE FROM log
BEGIN; CREATE TEMP TABLE log (at INT); ROLLBACK; DROP TABLE log
SAVEPOINT a; CREATE TEMP TABLE log (at INT); ROLLBACK TO a; DROP TABLE log; RELEASE a
SAVEPOINT a; ALTER TABLE users ADD COLUMN extra TEXT; RELEASE SAVEPOINT a
--# Comments and quotes
/* x */ CREATE TABLE fresh (id INT)
/* outer /* inner */ DROP TABLE log; -- */
/*! DROP TABLE log; */ SELECT 1
CREATE TABLE fresh (id INT) -- ; DROP TABLE log
CREATE TABLE fresh (id TEXT DEFAULT '\'); DROP TABLE log; --')
CREATE TABLE fresh (id TEXT DEFAULT ";"); DROP TABLE log
CREATE TABLE fresh (id TEXT DEFAULT 'it''s; DROP TABLE log')
-- DROP TABLE log
  CREATE TABLE fresh (id INT)
