-- What the old version does, one query a line; each must answer as it did before the migration.
SELECT id, email, name, nick, age, score, points, price FROM users WHERE id <= 5 ORDER BY id
SELECT ratio, share, born, seen, seen_at, wait, active, tags, doc, docb, feeling, code, token, addr, raw, home, digits, status, team_id FROM users WHERE id <= 5 ORDER BY id
SELECT age + 1, age / 2, score + 1, points % 7, price * 2, ratio * 2, share / 3 FROM users WHERE id = 2
SELECT id FROM users WHERE age > 9 AND score < 30000 AND points >= 0 AND price > 1 AND ratio > 0.1 AND id <= 5 ORDER BY age
SELECT sum(age), max(score), sum(points), avg(price) FROM users WHERE id <= 5
SELECT born + 1, seen + interval '1 day', seen_at + wait, extract(hour FROM seen) FROM users WHERE id = 1
SELECT lower(name), name || nick, upper(email), length(code), substr(digits, 1, 1), name LIKE 'Na%' FROM users WHERE id = 1
SELECT tags[1], array_length(tags, 1), doc ->> 'a', doc::text, docb ? 'a', docb || '{"z": 1}', (home).city, host(addr), encode(raw, 'hex') FROM users WHERE id = 1
PREPARE by_age (int) AS SELECT id FROM users WHERE age = $1 ORDER BY id
EXECUTE by_age(21)
PREPARE by_name (text, uuid, mood, boolean) AS SELECT id FROM users WHERE name = $1 AND token = $2 AND feeling = $3 AND active = $4 AND id <= 5
EXECUTE by_name('Name 1', '00000000-0000-0000-0000-000000000001', 'ok', true)
SELECT u.email, t.name, o.total FROM users u JOIN teams t ON t.id = u.team_id JOIN orders o ON o.user_id = u.id WHERE u.id <= 5 ORDER BY u.id
INSERT INTO users (email) VALUES ('bare1@example.com') RETURNING email, status, active
INSERT INTO users (email) VALUES ('bare2@example.com') RETURNING email, status, active
INSERT INTO users (email, name, nick, age, team_id) VALUES ('null@example.com', NULL, NULL, NULL, NULL) RETURNING name, nick, age, team_id
INSERT INTO users (email, name, nick, age, score, points, price, ratio, share) VALUES ('low@example.com', '', '', -99, -32768, -9223372036854775808, -99999999.99, -1.5, -1.5) RETURNING name, nick, age, score, points, price, ratio, share
INSERT INTO users (email, name, nick, age, score, points, price, share) VALUES (repeat('e', 100), repeat('x', 5000), repeat('n', 20), 2147483647, 32767, 9223372036854775807, 99999999.99, 1e300) RETURNING length(email), length(name), nick, age, score, points, price, share
INSERT INTO users (email, name, digits, status, code) VALUES ('text@example.com', 'no number', 'no number', 'any words', 'abcde') RETURNING name, digits, status, code
INSERT INTO users (email, name) VALUES ('USER1@example.com', 'Name 1') RETURNING email, name
INSERT INTO users (email, born, seen, seen_at, wait) VALUES ('date@example.com', '0001-01-01', '1900-01-01 12:30:15.123456', '2100-01-01 00:00+02', '-3 days') RETURNING born, seen, seen_at, wait
INSERT INTO users (email, tags, doc, docb, feeling, token, addr, raw, home) VALUES ('more@example.com', ARRAY[repeat('t', 30)], '{"b":1, "b":2}', '[1]', 'sad', '00000000-0000-0000-0000-000000000002', '10.0.0.1/8', '\x', ROW(NULL, NULL)) RETURNING tags, doc, docb, feeling, token, addr, raw, home
INSERT INTO users (email, score) VALUES ('zero@example.com', 0) RETURNING score
INSERT INTO users (email, active, status) VALUES ('off@example.com', false, '') RETURNING active, status
INSERT INTO users (email) VALUES ('user1@example.com') ON CONFLICT (email) DO UPDATE SET name = 'again' RETURNING name
INSERT INTO users (email, nick) VALUES ('nick@example.com', 'nick2') ON CONFLICT (nick) DO NOTHING
INSERT INTO users (id, email) VALUES (1, 'x@example.com') ON CONFLICT (id) DO NOTHING
UPDATE users SET name = 'other', age = -5, score = 7, points = 8, price = 9.99 WHERE id = 3 RETURNING name, age, score, points, price
UPDATE users SET age = age + 1, points = points + 1, active = NOT active WHERE id = 3 RETURNING age, points, active
UPDATE users SET name = NULL, nick = NULL, age = NULL, score = NULL, price = NULL, born = NULL, seen = NULL, tags = NULL, docb = NULL, feeling = NULL, team_id = NULL WHERE id = 3 RETURNING name, nick
UPDATE users SET email = 'moved@example.com', status = 'x' WHERE id = 4 RETURNING email, status
UPDATE users SET id = 1004 WHERE email = 'bare1@example.com' RETURNING id
INSERT INTO users VALUES (900, 'positional@example.com', 'P') RETURNING id, email, name
INSERT INTO users (email, name, team_id) SELECT 'copy@example.com', name, team_id FROM users WHERE id = 2 RETURNING name, team_id
INSERT INTO teams (name) VALUES ('green') RETURNING name
INSERT INTO teams (name) VALUES ('green') ON CONFLICT (name) DO UPDATE SET name = 'green' RETURNING name
INSERT INTO orders (user_id, total) VALUES (1, 5) RETURNING total, doubled, note, placed
INSERT INTO orders (user_id, total) VALUES (1, 5) RETURNING total, doubled, note, placed
INSERT INTO orders (id, user_id, total, note, placed) VALUES (500, 2, -1.50, NULL, '1999-01-01') RETURNING id, total, doubled, note
INSERT INTO orders (id, user_id, total) VALUES (500, 2, 3) ON CONFLICT (id) DO UPDATE SET total = 3 RETURNING total
UPDATE orders SET total = 0, note = repeat('n', 3000) WHERE id = 1 RETURNING total, length(note)
SELECT id, user_id, total, doubled, placed FROM orders WHERE id <= 5 ORDER BY id
INSERT INTO payments (order_id, paid, ref) VALUES (999, -5.25, 'r999') RETURNING order_id, paid, ref
INSERT INTO payments (order_id, paid, ref) VALUES (NULL, NULL, NULL) RETURNING order_id, paid, ref
INSERT INTO payments (order_id, paid, ref) VALUES (1, 5, 'r999') ON CONFLICT (ref) DO UPDATE SET paid = 6 RETURNING paid
INSERT INTO payments (id, paid) VALUES (1, 7) ON CONFLICT ON CONSTRAINT payments_pkey DO UPDATE SET paid = 7 RETURNING paid
SELECT id, order_id, paid, ref FROM payments WHERE id BETWEEN 2 AND 5 ORDER BY id
INSERT INTO payments (order_id, paid, ref) VALUES (2, 1, 'ref2')
INSERT INTO teams (name) VALUES ('blue')
INSERT INTO orders (user_id, total) VALUES (77777, 1)
DELETE FROM orders WHERE id = 2 RETURNING id
DELETE FROM users WHERE id = 5 RETURNING id
SELECT id FROM orders WHERE user_id = 5
DELETE FROM teams WHERE name = 'green' RETURNING name
DELETE FROM payments WHERE id = 5 RETURNING id
INSERT INTO events (id, day, body) VALUES (3, '2025-12-31', 'c'), (4, '2026-12-31', NULL), (NULL, '2026-01-01', 'd') RETURNING id, day, body
SELECT id, day, body FROM events WHERE id <= 4 ORDER BY id, day
SELECT id FROM events_2025 ORDER BY id
UPDATE events SET body = 'z' WHERE id = 1 RETURNING body
INSERT INTO "Mixed" (id, "User Name", "camelCase") VALUES (2, NULL, -1) RETURNING id, "User Name", "camelCase"
SELECT id, "User Name", "camelCase" FROM "Mixed" ORDER BY id
INSERT INTO "Mixed" (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET "camelCase" = 5 RETURNING "camelCase"
INSERT INTO app.users (id, name) VALUES (2, NULL), (3, 'Ann') RETURNING id, name
SELECT id, name FROM app.users ORDER BY id
INSERT INTO log (at, line) VALUES (3, NULL), (3, 'same'), (3, 'same'), (NULL, 'x'), (-5, repeat('l', 3000)) RETURNING at, length(line)
SELECT at, line FROM log WHERE at IN (1, 2) ORDER BY at
UPDATE log SET line = 'w' WHERE at = 2 RETURNING line
DELETE FROM log WHERE at = 3 RETURNING at
INSERT INTO bookings VALUES (1, '[2,4)'), (1, '[2,4)'), (NULL, NULL) RETURNING room, during
SELECT count(*) FROM bookings WHERE during && '[1,2)'
INSERT INTO animals (id, name) VALUES (3, 'Cow'), (NULL, NULL) RETURNING id, name
SELECT id, name FROM animals WHERE id <= 3 ORDER BY id
INSERT INTO dogs (id, name, breed) VALUES (4, 'Max', NULL) RETURNING id, name, breed
SELECT id, name FROM active_users WHERE id <= 2 ORDER BY id
INSERT INTO active_users (email, name) VALUES ('view@example.com', 'v') RETURNING email
SELECT size FROM team_sizes WHERE team_id = 1
SELECT shout('a'), nextval('tickets') > 0, currval('tickets') > 0, 'ok'::mood, 'sad'::mood < 'ok'::mood
SELECT 5::amount, ROW('a', 'b')::address
SELECT id, note FROM notes ORDER BY id
INSERT INTO notes (id, note) VALUES (1, NULL), (NULL, 'y') RETURNING id, note
UPDATE notes SET note = 'q' WHERE id = 1 RETURNING note
INSERT INTO bare (id) VALUES (1), (1) RETURNING id
