--# Two lines for each: a migration of postgres-start.sql, and behind `<` its way down; a line that begins with two spaces goes
--# on with the one above.
--# It goes back
CREATE TABLE fresh (id int)
< DROP TABLE fresh
CREATE TABLE fresh (id int); CREATE INDEX fresh_idx ON fresh (id)
< DROP TABLE IF EXISTS fresh
CREATE TABLE app.fresh (id int)
< DROP TABLE app.fresh
CREATE TABLE "Fresh" (id int)
< DROP TABLE "Fresh"
CREATE SCHEMA fresh; CREATE TABLE fresh.one (id int); CREATE TABLE fresh.two (id int)
< DROP SCHEMA fresh CASCADE
ALTER TABLE users ADD COLUMN extra text
< ALTER TABLE users DROP COLUMN extra
ALTER TABLE users ADD COLUMN extra text; CREATE INDEX extra_idx ON users (extra); ALTER TABLE users ADD CONSTRAINT extra_check CHECK (extra <> '')
< ALTER TABLE users DROP COLUMN extra
ALTER TABLE users ADD COLUMN extra text, ADD COLUMN more int
< ALTER TABLE users DROP COLUMN more, DROP extra
CREATE INDEX users_age_idx ON users (age)
< DROP INDEX users_age_idx
CREATE INDEX ON notes (id)
< DROP INDEX notes_id_idx
CREATE VIEW fresh AS SELECT id FROM users
< DROP VIEW fresh
CREATE TYPE colour AS ENUM ('red'); ALTER TABLE notes ADD COLUMN tone colour
< ALTER TABLE notes DROP COLUMN tone; DROP TYPE colour
CREATE SEQUENCE numbers
< DROP SEQUENCE numbers
CREATE FUNCTION fresh() RETURNS int LANGUAGE sql AS 'SELECT 1'
< DROP FUNCTION fresh()
ALTER TABLE users RENAME COLUMN name TO full_name
< ALTER TABLE users RENAME COLUMN full_name TO name
ALTER TABLE log RENAME TO journal
< ALTER TABLE journal RENAME TO log
ALTER TABLE notes ADD CONSTRAINT notes_check CHECK (id > 0)
< ALTER TABLE notes DROP CONSTRAINT notes_check
ALTER TABLE users ALTER COLUMN name SET NOT NULL
< ALTER TABLE users ALTER COLUMN name DROP NOT NULL
ALTER TABLE users ALTER COLUMN status SET DEFAULT 'fresh'
< ALTER TABLE users ALTER COLUMN status SET DEFAULT 'new'
ALTER TABLE users ALTER COLUMN score TYPE int
< ALTER TABLE users ALTER COLUMN score TYPE smallint
DROP INDEX users_name_idx
< CREATE INDEX users_name_idx ON users (name)
DROP VIEW active_users
< CREATE VIEW active_users AS SELECT id, email, name FROM users WHERE active; GRANT ALL ON active_users TO web
ALTER TABLE payments DROP CONSTRAINT payments_ref_key
< ALTER TABLE payments ADD CONSTRAINT payments_ref_key UNIQUE (ref)
INSERT INTO teams (name) VALUES ('violet')
< DELETE FROM teams WHERE name = 'violet'
DO $$ BEGIN CREATE TABLE fresh (id int); END $$
< DROP TABLE fresh
CREATE TABLE fresh (id int); CREATE TABLE more (id int)
< DO $$ BEGIN EXECUTE 'DROP TABLE fresh'; EXECUTE 'DROP TABLE more'; END $$
CREATE TABLE fresh (id int); ALTER TABLE fresh RENAME TO fresher
< DROP TABLE fresher
ALTER TABLE users ADD COLUMN extra text; ALTER TABLE users RENAME COLUMN extra TO more
< ALTER TABLE users DROP COLUMN more
CREATE TABLE fresh (id int); DROP TABLE fresh
< SELECT 1; DROP TABLE IF EXISTS fresh
ALTER TABLE bare ADD COLUMN extra text
< CREATE TABLE new_bare (id int); INSERT INTO new_bare SELECT id FROM bare; DROP TABLE bare; ALTER TABLE new_bare RENAME TO bare; GRANT ALL ON bare TO web
ALTER TABLE notes ADD COLUMN user_id int REFERENCES users (id); CREATE INDEX ON notes (user_id); UPDATE notes SET user_id = 1
< ALTER TABLE notes DROP COLUMN IF EXISTS user_id CASCADE
ALTER TABLE notes ADD UNIQUE (id)
< ALTER TABLE notes DROP CONSTRAINT notes_id_key
ALTER TABLE users ALTER COLUMN status DROP DEFAULT, ALTER COLUMN active DROP NOT NULL
< ALTER TABLE users ALTER COLUMN status SET DEFAULT 'new', ALTER COLUMN active SET NOT NULL
SET search_path TO app; CREATE TABLE fresh (id int)
< SET search_path TO app; DROP TABLE fresh
--# The schema goes back, and rows do not
DROP TABLE notes
< CREATE TABLE notes (id int, note text); GRANT ALL ON notes TO web
ALTER TABLE users DROP COLUMN digits
< ALTER TABLE users ADD COLUMN digits text
ALTER TABLE users DROP COLUMN digits, DROP COLUMN addr
< ALTER TABLE users ADD COLUMN digits text, ADD COLUMN addr inet
TRUNCATE log
< INSERT INTO log VALUES (1, 'a')
DELETE FROM log
< INSERT INTO log VALUES (0, '')
DELETE FROM log WHERE at = 1
< INSERT INTO log VALUES (1, 'b')
UPDATE users SET name = 'x'
< UPDATE users SET name = NULL
UPDATE users SET name = 'x' WHERE id = 1
< UPDATE users SET name = 'y' WHERE id = 1
ALTER TABLE users ALTER COLUMN seen TYPE date
< ALTER TABLE users ALTER COLUMN seen TYPE timestamp
ALTER TABLE users ALTER COLUMN price TYPE int
< ALTER TABLE users ALTER COLUMN price TYPE numeric(10, 2)
INSERT INTO notes (id, note) VALUES (5, 'y')
< DELETE FROM notes
--# It does not go back
CREATE TABLE fresh (id int)
< DROP TABLE IF EXISTS fersh
CREATE TABLE fresh (id int)
< -- DROP TABLE fresh
CREATE TABLE fresh (id int)
< 
CREATE TABLE fresh (id int)
< SELECT 1
CREATE TABLE fresh (id int)
< BEGIN; ROLLBACK
CREATE TABLE fresh (id int)
< SELECT 'DROP TABLE fresh'
CREATE TABLE fresh (id int)
< DO $$ BEGIN NULL; END $$
CREATE TABLE fresh (id int)
< DO $$ BEGIN RAISE EXCEPTION 'there is no way back'; END $$
CREATE TABLE fresh (id int)
< CREATE TABLE IF NOT EXISTS fresh (id int)
CREATE TABLE fresh (id int)
< TRUNCATE fresh
CREATE TABLE fresh (id int)
< DELETE FROM fresh
CREATE TABLE fresh (id int)
< BEGIN; DROP TABLE fresh; ROLLBACK
CREATE TABLE fresh (id int)
< SET search_path TO app; DROP TABLE IF EXISTS fresh
CREATE TABLE fresh (id int)
< COMMENT ON TABLE fresh IS 'drop it by hand'
CREATE TABLE fresh (id int); CREATE TABLE more (id int)
< DROP TABLE fresh
CREATE TABLE fresh (id int); ALTER TABLE users ADD COLUMN extra text
< DROP TABLE fresh
ALTER TABLE users ADD COLUMN extra text
< ALTER TABLE users DROP COLUMN IF EXISTS extr
ALTER TABLE users ADD COLUMN extra text, ADD COLUMN more int
< ALTER TABLE users DROP COLUMN extra
ALTER TABLE users ADD COLUMN extra text
< ALTER TABLE orders DROP COLUMN IF EXISTS extra
ALTER TABLE users ADD COLUMN extra text
< UPDATE users SET extra = NULL
ALTER TABLE users ADD COLUMN extra text; CREATE INDEX users_age_idx ON users (age)
< ALTER TABLE users DROP COLUMN extra
ALTER TABLE users RENAME COLUMN name TO full_name
< ALTER TABLE users RENAME COLUMN full_name TO names
ALTER TABLE users RENAME COLUMN name TO full_name
< ALTER TABLE users ADD COLUMN name text
ALTER TABLE log RENAME TO journal
< CREATE TABLE log (at int, line text)
ALTER TABLE users DROP COLUMN digits
< SELECT 'digits are gone'
ALTER TABLE users DROP COLUMN digits
< ALTER TABLE users DROP COLUMN IF EXISTS digits
DROP TABLE notes
< DROP TABLE IF EXISTS notes
DROP TABLE notes
< CREATE TABLE fresh (id int)
DROP INDEX users_name_idx
< SELECT 1; SET lock_timeout = 0
ALTER TABLE users ALTER COLUMN name SET NOT NULL
< ALTER TABLE users ALTER COLUMN nick DROP NOT NULL
ALTER TABLE users ALTER COLUMN name SET NOT NULL
< ALTER TABLE users ALTER COLUMN name SET NOT NULL
ALTER TABLE notes ADD CONSTRAINT notes_check CHECK (id > 0)
< ALTER TABLE notes DROP CONSTRAINT IF EXISTS note_check
CREATE VIEW fresh AS SELECT id FROM users
< DROP VIEW IF EXISTS active_users
CREATE TYPE colour AS ENUM ('red'); ALTER TABLE notes ADD COLUMN tone colour
< ALTER TABLE notes DROP COLUMN tone
ALTER TYPE mood ADD VALUE 'glad'
< SELECT 1; SET lock_timeout = 0
