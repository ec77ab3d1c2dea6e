-- What the old version does, one query a line; each must answer as it did before the migration.
SELECT id, email, name, nick, age, score, level, points, price FROM users WHERE id <= 5 ORDER BY id
SELECT ratio, share, born, seen, seen_at, active, doc, feeling, tags, code, hex(raw), bio, digits, status, team_id FROM users WHERE id <= 5 ORDER BY id
SELECT age + 1, age / 2, score + 1, level - 1, points % 7, price * 2, ratio * 2, share / 3 FROM users WHERE id = 2
SELECT id FROM users WHERE age > 9 AND score < 30000 AND level < 200 AND points >= 0 AND price > 1 AND id <= 5 ORDER BY age
SELECT born + INTERVAL 1 DAY, seen + INTERVAL 1 HOUR, unix_timestamp(seen_at), hour(seen) FROM users WHERE id = 1
SELECT lower(name), concat(name, nick), upper(email), char_length(code), length(name), name LIKE 'na%', feeling + 0, tags + 0, find_in_set('b', tags), json_extract(doc, '$.a') FROM users WHERE id = 1
SELECT id FROM users WHERE email = 'USER1@EXAMPLE.COM'
SELECT id FROM users FORCE INDEX (users_name_idx) WHERE name = 'Name 3'
SELECT id FROM users USE INDEX (users_nick_idx) WHERE nick = 'nick4'
SELECT u.email, t.name, o.total FROM users u JOIN teams t ON t.id = u.team_id JOIN orders o ON o.user_id = u.id WHERE u.id <= 5 ORDER BY u.id
SELECT u.id FROM users u JOIN latin l ON l.name = u.name OR l.id = u.id ORDER BY u.id
PREPARE by_age FROM 'SELECT id FROM users WHERE age = ? AND id <= 5'
SET @age = 21
EXECUTE by_age USING @age
INSERT INTO users (email) VALUES ('bare1@example.com')
INSERT INTO users (email) VALUES ('bare2@example.com')
SELECT email, name, status, active, level, born, team_id FROM users WHERE email LIKE 'bare%' ORDER BY email
INSERT INTO users (email, name, nick, age, team_id) VALUES ('null@example.com', NULL, NULL, NULL, NULL)
INSERT INTO users (email, name, nick, age, score, level, points, price, ratio, share) VALUES ('low@example.com', '', '', -99, -32768, 0, -9223372036854775808, -99999999.99, -1.5, -1.5)
INSERT INTO users (email, name, nick, age, score, level, points, price, share, bio) VALUES (repeat('e', 100), repeat('x', 255), repeat('n', 20), 2147483647, 32767, 255, 9223372036854775807, 99999999.99, 1e300, repeat('b', 60000))
SELECT char_length(email), char_length(name), char_length(nick), age, score, level, points, price, share, char_length(bio) FROM users WHERE age = 2147483647 OR age = -99 ORDER BY age
INSERT INTO users (email, name, digits, status, code, bio) VALUES ('text@example.com', 'no number', 'no number', 'any words', 'abcde', '')
INSERT INTO users (email, name, bio) VALUES ('emoji@example.com', '🦀 café', '🦀')
SELECT name, hex(name), digits, code FROM users WHERE email IN ('text@example.com', 'emoji@example.com') ORDER BY email
INSERT INTO users (email) VALUES ('USER1@example.com')
INSERT INTO users (email, born, seen, seen_at) VALUES ('date@example.com', '1000-01-01', '1900-01-01 12:30:15', '2030-01-01 00:00:00')
INSERT INTO users (email, doc, feeling, tags, raw) VALUES ('more@example.com', '[1, null]', 'sad', '', '')
SELECT born, seen, seen_at, doc, feeling, tags, raw FROM users WHERE email IN ('date@example.com', 'more@example.com') ORDER BY email
INSERT INTO users (email, feeling) VALUES ('angry@example.com', 'furious')
INSERT INTO users (email, active, status) VALUES ('off@example.com', 0, '')
INSERT INTO users (email, name) VALUES ('user1@example.com', 'again') ON DUPLICATE KEY UPDATE name = 'again'
INSERT IGNORE INTO users (email, nick) VALUES ('nick@example.com', 'nick2')
INSERT INTO users (id, email) VALUES (1, 'x@example.com') ON DUPLICATE KEY UPDATE status = 'met'
SELECT email, name, status FROM users WHERE id <= 2 ORDER BY id
UPDATE users SET name = 'other', age = -5, score = 7, level = 9, points = 8, price = 9.99 WHERE id = 3
UPDATE users SET age = age + 1, points = points + 1, active = NOT active WHERE id = 3
SELECT name, age, score, level, points, price, active FROM users WHERE id = 3
UPDATE users SET name = NULL, nick = NULL, age = NULL, score = NULL, price = NULL, born = NULL, seen = NULL, seen_at = NULL, doc = NULL, feeling = NULL, team_id = NULL WHERE id = 3
SELECT name, nick, age, seen_at FROM users WHERE id = 3
UPDATE users SET email = 'moved@example.com', status = 'x' WHERE id = 4
UPDATE users SET id = 100004 WHERE email = 'bare1@example.com'
INSERT INTO users (email, name, team_id) SELECT 'copy@example.com', name, team_id FROM users WHERE id = 2
INSERT INTO teams (name) VALUES ('green')
INSERT INTO teams (name) VALUES ('green') ON DUPLICATE KEY UPDATE name = 'green'
INSERT INTO orders (user_id, total) VALUES (1, 5)
INSERT INTO orders (user_id, total) VALUES (1, 5)
INSERT INTO orders (id, user_id, total, note, placed) VALUES (500, 2, -1.50, NULL, '1999-01-01')
INSERT INTO orders (id, user_id, total) VALUES (500, 2, 3) ON DUPLICATE KEY UPDATE total = 3
UPDATE orders SET total = 0, note = repeat('n', 3000) WHERE id = 1
SELECT id, user_id, total, doubled, char_length(note), placed FROM orders WHERE id <= 5 OR id = 500 ORDER BY id
INSERT INTO payments (order_id, paid, ref) VALUES (999, -5.25, 'r999')
INSERT INTO payments (order_id, paid, ref) VALUES (NULL, NULL, NULL), (NULL, NULL, NULL)
INSERT INTO payments (order_id, paid, ref) VALUES (1, 5, 'r999') ON DUPLICATE KEY UPDATE paid = 6
REPLACE INTO payments (id, paid, ref) VALUES (1, 7, 'ref1')
SELECT id, order_id, paid, ref FROM payments WHERE id <= 5 OR ref = 'r999' ORDER BY ref
INSERT INTO payments (order_id, paid, ref) VALUES (2, 1, 'ref2')
INSERT INTO teams (name) VALUES ('blue')
INSERT INTO orders (user_id, total) VALUES (77777, 1)
DELETE FROM orders WHERE id = 2
DELETE FROM users WHERE id = 5
SELECT id FROM orders WHERE user_id = 5
DELETE FROM teams WHERE name = 'green'
DELETE FROM teams WHERE name = 'red'
DELETE FROM payments WHERE id = 5
INSERT INTO events (id, day, body) VALUES (3, '2025-12-31', 'c'), (4, '2026-12-31', NULL), (NULL, '1999-01-01', 'd')
SELECT id, day, body FROM events WHERE id <= 4 ORDER BY id
SELECT id FROM events PARTITION (p2025) WHERE id <= 4 ORDER BY id
UPDATE events SET body = 'z', day = '2026-02-01' WHERE id = 1
INSERT INTO hits (id, page) VALUES (3, 'c'), (3, 'c'), (-7, NULL)
SELECT id, page FROM hits ORDER BY id
SELECT count(*) FROM hits PARTITION (p0)
SELECT id FROM posts WHERE MATCH (body) AGAINST ('databases')
INSERT INTO posts (title, body) VALUES (NULL, repeat('word ', 1000)), (repeat('t', 200), NULL)
INSERT INTO latin (id, name) VALUES (3, 'Zoë'), (4, NULL), (5, 'zoe2')
INSERT INTO latin (id, name) VALUES (6, 'ann')
SELECT id, name FROM latin ORDER BY id
INSERT INTO tags (name) VALUES ('NEW')
INSERT INTO tags (name) VALUES ('new')
SELECT name FROM tags WHERE name = 'New'
INSERT INTO places (id, spot) VALUES (2, ST_GeomFromText('POINT(2 2)'))
SELECT id, ST_AsText(spot) FROM places ORDER BY id
INSERT INTO `Mixed Case` (id, `User Name`, `camelCase`) VALUES (2, NULL, -1)
SELECT id, `User Name`, `camelCase` FROM `Mixed Case` ORDER BY id
INSERT INTO app.users (id, name) VALUES (2, NULL), (3, 'Ann')
SELECT id, name FROM app.users ORDER BY id
SELECT at, line FROM app.log ORDER BY at
INSERT INTO log (at, line) VALUES (3, NULL), (3, 'same'), (3, 'same'), (NULL, 'x'), (-5, repeat('l', 3000))
SELECT at, char_length(line), left(line, 5) FROM log WHERE at IN (1, 2, 3) ORDER BY at, line
UPDATE log SET line = 'w' WHERE at = 2
CALL tidy()
SELECT count(*) FROM log WHERE at IN (1, 2, 3)
DELETE FROM log WHERE at = 3
SELECT id, email, name FROM active_users WHERE id <= 2 ORDER BY id
INSERT INTO active_users (email, name) VALUES ('view@example.com', 'v')
SELECT shout('a')
SELECT id, note FROM notes WHERE note = 'x' ORDER BY id
INSERT INTO notes (id, note) VALUES (1, NULL), (NULL, 'y'), (1, 'x'), (-3, repeat('n', 100))
UPDATE notes SET note = 'q' WHERE note = 'x' AND id = 1
INSERT INTO bare (id) VALUES (1), (1)
CREATE TEMPORARY TABLE picked AS SELECT id, email FROM users WHERE id <= 2
SELECT p.id FROM picked p JOIN users u ON u.email = p.email ORDER BY p.id
DELETE FROM users WHERE id = 2
