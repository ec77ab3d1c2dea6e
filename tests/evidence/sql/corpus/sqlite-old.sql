-- What the old version does, one query a line; each must answer as it did before the migration. Inserts name
-- their columns: without, any added column breaks them.
SELECT id, email, name, nick, age, price, active, doc, raw, digits, status, team_id FROM users WHERE id <= 3 ORDER BY id
SELECT typeof(age), typeof(price), typeof(digits), typeof(doc), typeof(raw), age + 1, age / 2, name || nick, json_extract(doc, '$.a') FROM users WHERE id <= 3 ORDER BY id
SELECT id FROM users WHERE age > 9 AND price > 1 AND digits = '012' ORDER BY age
SELECT sum(age), avg(price), max(email) FROM users WHERE id <= 3
SELECT u.email, t.name, o.total FROM users u JOIN teams t ON t.id = u.team_id JOIN orders o ON o.user_id = u.id ORDER BY u.id
SELECT id FROM users INDEXED BY users_name_idx WHERE name = 'Name 1'
INSERT INTO users (email) VALUES ('bare1@example.com') RETURNING email, status, active
INSERT INTO users (email) VALUES ('bare2@example.com') RETURNING email, status, active
INSERT INTO users (email, name, nick, age, team_id) VALUES ('null@example.com', NULL, NULL, NULL, NULL) RETURNING name, nick, age
INSERT INTO users (email, name, nick, age, price) VALUES ('low@example.com', '', '', -99, -1.5) RETURNING name, nick, age, price
INSERT INTO users (email, name, nick, age, price) VALUES ('long@example.com', hex(zeroblob(3000)), hex(zeroblob(90)), 9223372036854775807, 1e300) RETURNING length(name), length(nick), age, price
INSERT INTO users (email, name, age, digits, doc) VALUES ('text@example.com', 5, 'no number', '007', 'no json') RETURNING typeof(name), age, digits, doc
INSERT INTO users (email, name) VALUES ('USER1@example.com', 'Name 1') RETURNING email, name
INSERT INTO users (email, active, status) VALUES ('off@example.com', 0, '') RETURNING active, status
INSERT INTO users (email) VALUES ('user1@example.com') ON CONFLICT (email) DO UPDATE SET name = 'again' RETURNING name
INSERT INTO users (email, nick) VALUES ('nick@example.com', 'nick2') ON CONFLICT (nick) DO NOTHING
INSERT OR IGNORE INTO users (id, email) VALUES (1, 'x@example.com')
INSERT INTO users (email) VALUES ('user2@example.com')
UPDATE users SET name = 'other', age = -5, price = 9.99 WHERE id = 3 RETURNING name, age, price
UPDATE users SET age = age + 1, active = NOT active WHERE id = 3 RETURNING age, active
UPDATE users SET name = NULL, nick = NULL, age = NULL, team_id = NULL WHERE id = 3 RETURNING name
UPDATE users SET email = 'moved@example.com' WHERE id = 2 RETURNING email
INSERT INTO users (email, name, team_id) SELECT 'copy@example.com', name, team_id FROM users WHERE id = 2 RETURNING name
INSERT INTO teams (name) VALUES ('green') RETURNING name
INSERT INTO teams (name) VALUES ('green') ON CONFLICT (name) DO UPDATE SET name = 'green' RETURNING name
INSERT INTO orders (user_id, total) VALUES (1, 5) RETURNING total, doubled, note
INSERT INTO orders (user_id, total) VALUES (1, 5) RETURNING total, doubled, note
INSERT INTO orders (id, user_id, total, note) VALUES (500, 2, -1.50, NULL) RETURNING id, total, doubled, note
INSERT INTO orders (user_id, total) VALUES (77777, 1)
REPLACE INTO orders (id, user_id, total) VALUES (500, 2, 3) RETURNING total
SELECT id, user_id, total, doubled, note FROM orders WHERE id <= 3 ORDER BY id
DELETE FROM users WHERE id = 3 RETURNING id
SELECT id FROM orders WHERE user_id = 3
DELETE FROM teams WHERE name = 'green' RETURNING name
INSERT INTO strict_one (label, amount) VALUES (NULL, NULL) RETURNING label
INSERT INTO strict_one (id, label, amount) VALUES (1, 'b', -2) ON CONFLICT (id) DO UPDATE SET amount = -2 RETURNING amount
SELECT label, amount FROM strict_one WHERE id = 1
INSERT INTO pairs (a, b, c) VALUES ('a', 'c', NULL) RETURNING a, b, c
INSERT INTO pairs (a, b, c) VALUES ('a', 'b', 5) ON CONFLICT (a, b) DO UPDATE SET c = 5 RETURNING c
SELECT a, b, c FROM pairs ORDER BY a, b
INSERT INTO log (at, line) VALUES (3, NULL), (3, 'same'), (3, 'same'), (NULL, 'x'), (-5, hex(zeroblob(3000))), ('words', x'00')
SELECT rowid > 0, at, line FROM log WHERE at IN (1, 2, 3) ORDER BY at, line
UPDATE log SET line = 'w' WHERE at = 2 RETURNING line
DELETE FROM log WHERE at = 3 RETURNING at
INSERT INTO notes (id, note) VALUES (1, NULL), (NULL, 'y'), (-1, 'y') RETURNING id, note
INSERT INTO notes (id, note) VALUES (7, 'z') RETURNING id, note
SELECT id, note FROM notes WHERE id = 1 ORDER BY note
INSERT INTO "Mixed Case" (id, "User Name") VALUES (2, NULL) RETURNING id, "User Name"
SELECT id, "User Name" FROM "Mixed Case" ORDER BY id
SELECT id, name FROM active_users WHERE id <= 1 ORDER BY id
