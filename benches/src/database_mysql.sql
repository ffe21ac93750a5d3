-- As database.sql, for MariaDB and MySQL; @scale 1 is about 1 GB. Numbers are doubled until there are enough.
CREATE TABLE numbers (n bigint AUTO_INCREMENT PRIMARY KEY);
DELIMITER //
CREATE PROCEDURE fill(IN wanted bigint) BEGIN
  INSERT INTO numbers VALUES (1);
  WHILE (SELECT MAX(n) FROM numbers) < wanted DO
    INSERT INTO numbers SELECT n + (SELECT MAX(n) FROM numbers) FROM numbers;
  END WHILE;
END//
DELIMITER ;
CALL fill(3000000 * @scale);
DROP PROCEDURE fill;
CREATE TABLE users (
  id bigint AUTO_INCREMENT PRIMARY KEY, email varchar(120) NOT NULL, name varchar(80) CHARACTER SET utf8mb4 NOT NULL,
  bio text CHARACTER SET utf8mb4, profile json, city varchar(40) CHARACTER SET utf8mb4, created datetime(6) NOT NULL,
  UNIQUE KEY (email), KEY (city), KEY (created));
INSERT INTO users (email, name, bio, profile, city, created)
SELECT CONCAT(SUBSTR(SHA2(n, 256), 1, 9), n, '@example.com'),
  CONCAT(ELT(1 + n % 7, 'Anna', 'Zoë', 'Иван', '東京花子', 'محمد', 'Jürgen', 'Łucja'), ' ', ELT(1 + n % 5, 'Müller', 'Smith', 'Петров', '佐藤', 'Nowak')),
  IF(n % 11 = 0, NULL, CONCAT_WS(' ', SHA2(n * 3, 256), 'likes', ELT(1 + n % 6, 'tea', 'coffee', '🚲', '👩‍👩‍👧', 'chess', 'naïve café'), 'and',
    REPEAT(CONCAT(ELT(1 + n % 4, 'walking ', 'reading ', 'cooking ', 'music '), n % 97, ' '), 8))),
  JSON_OBJECT('theme', ELT(1 + n % 2, 'dark', 'light'), 'score', n % 1000, 'tags', JSON_ARRAY('a', n % 13, NULL), 'note', SHA2(n * 5, 256)),
  ELT(1 + n % 8, 'Berlin', 'Zürich', 'Kraków', '東京', 'São Paulo', 'Paris', 'Москва', 'Oslo'),
  '2020-01-01' + INTERVAL n * 37 SECOND + INTERVAL n MICROSECOND
FROM numbers WHERE n <= 500000 * @scale;
CREATE TABLE orders (
  id bigint AUTO_INCREMENT PRIMARY KEY, user_id bigint NOT NULL, total decimal(12,2) NOT NULL,
  status enum('new','paid','sent','returned') NOT NULL, placed datetime NOT NULL,
  KEY (user_id), KEY (placed), FOREIGN KEY (user_id) REFERENCES users (id));
INSERT INTO orders (user_id, total, status, placed)
SELECT 1 + (n * 7919) % (500000 * @scale - 1), n % 100000 / 100, 1 + n % 4, '2021-01-01' + INTERVAL n * 11 SECOND
FROM numbers WHERE n <= 3000000 * @scale;
CREATE TABLE events (
  id bigint AUTO_INCREMENT PRIMARY KEY, user_id bigint NOT NULL, kind varchar(20) NOT NULL, payload json, at datetime(3) NOT NULL,
  KEY (user_id, at), FOREIGN KEY (user_id) REFERENCES users (id));
INSERT INTO events (user_id, kind, payload, at)
SELECT 1 + (n * 104729) % (500000 * @scale - 1), ELT(1 + n % 5, 'login', 'view', 'click', 'buy', 'logout'),
  JSON_OBJECT('page', CONCAT('/p/', n % 5000), 'ref', SHA2(n, 256), 'ms', n % 3001, 'agent', ELT(1 + n % 3, 'Firefox on Linux', 'Safari on iPhone', 'Chrome on Windows')),
  '2022-01-01' + INTERVAL n * 13 SECOND
FROM numbers WHERE n <= 1200000 * @scale;
CREATE TABLE documents (id bigint AUTO_INCREMENT PRIMARY KEY, title varchar(200) NOT NULL, body mediumtext NOT NULL, KEY (title));
INSERT INTO documents (title, body)
SELECT CONCAT('Document ', n), REPEAT(CONCAT(SHA2(n, 256), ' the order was delivered late and the customer asked for a refund ', n % 31, ' '), 60)
FROM numbers WHERE n <= 20000 * @scale;
DROP TABLE numbers;
ANALYZE TABLE users, orders, events, documents;
