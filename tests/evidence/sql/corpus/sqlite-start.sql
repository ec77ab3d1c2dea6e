-- What every case of sqlite.sql begins with: tables with rows that the old version made.
CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE users (
  id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT NOT NULL UNIQUE, name TEXT, nick VARCHAR(20),
  age INTEGER, price REAL, active BOOLEAN NOT NULL DEFAULT 1, doc TEXT, raw BLOB, digits TEXT,
  status TEXT NOT NULL DEFAULT 'new', team_id INTEGER REFERENCES teams (id)
);
CREATE INDEX users_name_idx ON users (name);
CREATE UNIQUE INDEX users_nick_idx ON users (nick);
CREATE TABLE orders (
  id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE, total NUMERIC NOT NULL,
  doubled NUMERIC GENERATED ALWAYS AS (total * 2), note TEXT DEFAULT 'none'
);
CREATE TABLE strict_one (id INTEGER PRIMARY KEY, label TEXT, amount INT) STRICT;
CREATE TABLE pairs (a TEXT, b TEXT, c INT, PRIMARY KEY (a, b)) WITHOUT ROWID;
CREATE TABLE log (at INTEGER, line TEXT);
CREATE TABLE notes (id INTEGER, note TEXT);
CREATE TABLE "Mixed Case" (id INTEGER PRIMARY KEY, "User Name" TEXT);
CREATE VIEW active_users AS SELECT id, email, name FROM users WHERE active;
CREATE TRIGGER log_stamp AFTER INSERT ON log WHEN NEW.line IS NULL BEGIN UPDATE log SET line = 'none' WHERE rowid = NEW.rowid; END;
INSERT INTO teams (name) VALUES ('red'), ('blue');
INSERT INTO users (email, name, nick, age, price, doc, raw, digits, team_id) VALUES
  ('user1@example.com', 'Name 1', 'nick1', 21, 1.25, '{"a": 1}', x'00ff', '12', 1),
  ('user2@example.com', 'Name 2', 'nick2', 22, 2.25, '{"a": 1}', x'00ff', '012', 1),
  ('user3@example.com', 'Name 3', 'nick3', 23, 3.25, NULL, NULL, NULL, NULL);
INSERT INTO orders (user_id, total) VALUES (1, 10), (2, 20), (3, 30);
INSERT INTO strict_one VALUES (1, 'a', 1);
INSERT INTO pairs VALUES ('a', 'b', 1);
INSERT INTO log VALUES (1, 'a'), (2, 'b');
INSERT INTO notes VALUES (1, 'x');
INSERT INTO "Mixed Case" VALUES (1, 'Ann');
