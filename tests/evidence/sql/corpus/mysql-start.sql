-- What every case of mysql.sql begins with: tables with rows that the old version made. MySQL and MariaDB both take it.
-- The old version connects as `web` through the server's socket.
CREATE DATABASE shop CHARACTER SET utf8mb4;
CREATE DATABASE app CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS web;
GRANT SELECT, INSERT, UPDATE, DELETE, EXECUTE, CREATE TEMPORARY TABLES, LOCK TABLES ON shop.* TO web;
GRANT SELECT, INSERT, UPDATE, DELETE, EXECUTE ON app.* TO web;
USE shop;
CREATE TABLE teams (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, name VARCHAR(50) NOT NULL, UNIQUE KEY teams_name_key (name));
CREATE TABLE users (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, email VARCHAR(100) NOT NULL, name VARCHAR(255), nick VARCHAR(20),
  age INT, score SMALLINT, level TINYINT UNSIGNED, points BIGINT, price DECIMAL(10, 2), ratio FLOAT, share DOUBLE,
  born DATE, seen DATETIME, seen_at TIMESTAMP NULL, active TINYINT(1) NOT NULL DEFAULT 1, doc JSON,
  feeling ENUM('ok', 'sad'), tags SET('a', 'b'), code CHAR(5), raw VARBINARY(100), bio TEXT, digits VARCHAR(20),
  status VARCHAR(20) NOT NULL DEFAULT 'new', team_id INT UNSIGNED,
  UNIQUE KEY users_email_key (email), UNIQUE KEY users_nick_idx (nick), KEY users_name_idx (name),
  CONSTRAINT users_team_fk FOREIGN KEY (team_id) REFERENCES teams (id),
  CONSTRAINT users_age_check CHECK (age > -100)
);
CREATE TABLE orders (
  id INT AUTO_INCREMENT PRIMARY KEY, user_id INT UNSIGNED NOT NULL, total DECIMAL(10, 2) NOT NULL,
  doubled DECIMAL(12, 2) GENERATED ALWAYS AS (total * 2) STORED, note TEXT, placed DATE NOT NULL DEFAULT '2020-01-01',
  CONSTRAINT orders_user_fk FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE TABLE payments (
  id BIGINT AUTO_INCREMENT PRIMARY KEY, order_id INT, paid DECIMAL(10, 2), ref VARCHAR(50), UNIQUE KEY payments_ref_key (ref)
);
CREATE TABLE events (id BIGINT, day DATE NOT NULL, body TEXT)
PARTITION BY RANGE COLUMNS (day) (PARTITION p2025 VALUES LESS THAN ('2026-01-01'), PARTITION p2026 VALUES LESS THAN ('2027-01-01'));
CREATE TABLE hits (id INT NOT NULL, page VARCHAR(50)) PARTITION BY HASH (id) PARTITIONS 2;
CREATE TABLE posts (id INT AUTO_INCREMENT PRIMARY KEY, title VARCHAR(200), body TEXT, FULLTEXT KEY posts_body_idx (body));
CREATE TABLE latin (id INT PRIMARY KEY, name VARCHAR(50), UNIQUE KEY latin_name_key (name)) CHARACTER SET latin1;
CREATE TABLE tags (id TINYINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20) COLLATE utf8mb4_bin UNIQUE);
CREATE TABLE places (id INT PRIMARY KEY, spot POINT NOT NULL);
CREATE TABLE log (at INT, line VARCHAR(4000));
CREATE TABLE notes (id INT, note VARCHAR(100));
CREATE TABLE bare (id INT);
CREATE TABLE `Mixed Case` (id INT PRIMARY KEY, `User Name` TEXT, `camelCase` INT);
CREATE TABLE app.users (id INT PRIMARY KEY, name VARCHAR(50));
CREATE TABLE app.log (at INT, line VARCHAR(100));
CREATE VIEW active_users AS SELECT id, email, name FROM users WHERE active = 1;
CREATE FUNCTION shout(words VARCHAR(100)) RETURNS VARCHAR(100) DETERMINISTIC RETURN upper(words);
CREATE PROCEDURE tidy() DELETE FROM log WHERE at < 0;
DELIMITER //
CREATE FUNCTION wipe() RETURNS INT MODIFIES SQL DATA BEGIN DELETE FROM log; RETURN 1; END//
CREATE TRIGGER log_stamp BEFORE INSERT ON log FOR EACH ROW BEGIN SET NEW.line = coalesce(NEW.line, 'none'); END//
DELIMITER ;
INSERT INTO teams (name) VALUES ('red'), ('blue');
INSERT INTO users (email, name, nick, age, score, level, points, price, ratio, share, born, seen, seen_at, doc, feeling, tags, code, raw, bio, digits, team_id)
WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 5)
SELECT concat('user', n, '@example.com'), concat('Name ', n), concat('nick', n), 20 + n, n, n, 1000 * n, n + 0.25, n + 0.5, n + 0.5, '2000-01-01', '2020-01-01 10:00:00', '2020-01-01 10:00:00', '{"a": 1}', 'ok', 'a,b', 'ab', x'00ff', 'about me', '12', 1 FROM n;
INSERT INTO orders (user_id, total, note) SELECT id, id * 10, concat('note ', id) FROM users ORDER BY id;
INSERT INTO payments (order_id, paid, ref) SELECT id, id * 10, concat('ref', id) FROM users ORDER BY id;
INSERT INTO events VALUES (1, '2025-06-01', 'a'), (2, '2026-06-01', 'b');
INSERT INTO hits VALUES (1, 'a'), (2, 'b');
INSERT INTO posts (title, body) VALUES ('First', 'a word about databases'), ('Second', 'nothing to see');
INSERT INTO latin VALUES (1, 'Ann'), (2, 'Zoé');
INSERT INTO tags (name) VALUES ('new'), ('New');
INSERT INTO places VALUES (1, ST_GeomFromText('POINT(1 1)'));
INSERT INTO log VALUES (1, 'a'), (2, 'b');
INSERT INTO notes VALUES (1, 'x');
INSERT INTO `Mixed Case` VALUES (1, 'Ann', 1);
INSERT INTO app.users VALUES (1, 'Ann');
INSERT INTO app.log VALUES (1, 'a');
