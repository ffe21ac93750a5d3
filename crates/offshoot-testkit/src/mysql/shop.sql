-- Names in many scripts, emoji, zero dates, values at the edges of their types, partitions, a foreign-key cycle, a view, a trigger
-- and a routine. Every load holds the same rows: they follow from their numbers by SHA-2.
SET SESSION sql_mode = '';
DELIMITER //
CREATE PROCEDURE fill(IN wanted INT) BEGIN
  INSERT INTO number VALUES (1);
  WHILE (SELECT MAX(n) FROM number) < wanted DO
    INSERT INTO number SELECT n + (SELECT MAX(n) FROM number) FROM number;
  END WHILE;
END//
DELIMITER ;
CREATE TABLE number (n INT PRIMARY KEY);
CALL fill(16384);
CREATE TABLE customer (
  id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY,
  email VARCHAR(120) NOT NULL,
  given_name VARCHAR(60) NOT NULL,
  family_name VARCHAR(60),
  phone VARCHAR(30),
  city VARCHAR(60) CHARACTER SET utf8mb3,
  born DATE,
  joined DATETIME(6) NOT NULL,
  mood ENUM('glad', 'so-so', 'sad') NOT NULL,
  favourite_order BIGINT UNSIGNED,
  extra JSON,
  UNIQUE KEY (email), KEY (family_name, given_name)
) CHARACTER SET utf8mb4;
INSERT INTO customer (email, given_name, family_name, phone, city, born, joined, mood, extra)
SELECT CONCAT(SUBSTR(SHA2(n, 256), 1, 8), n, '@', ELT(1 + n % 3, 'mail.test', 'post.test', 'brief.test')),
  ELT(1 + n % 9, 'Anna', 'Zoë', 'Иван', '花子', 'محمد', 'Jürgen', 'Łucja', 'Siobhán', '👩‍🚀 Ada'),
  IF(n % 17 = 0, NULL, ELT(1 + n % 7, 'Müller', 'Smith', 'Петров', '佐藤', 'Nowak', 'O''Brien', 'de la Cruz')),
  IF(n % 5 = 0, NULL, CONCAT('+49 30 ', 1000000 + n * 397)),
  ELT(1 + n % 6, 'Berlin', 'Zürich', 'Kraków', '東京', 'São Paulo', 'Москва'),
  IF(n % 101 = 0, '0000-00-00', DATE_ADD('1940-01-01', INTERVAL n * 2 DAY)),
  DATE_ADD('2021-01-01', INTERVAL n * 3331 SECOND) + INTERVAL n MICROSECOND,
  1 + n % 3,
  JSON_OBJECT('newsletter', n % 2 = 0, 'tags', JSON_ARRAY('🛒', n % 13, NULL))
FROM number WHERE n <= 6000;
CREATE TABLE purchase (
  id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY,
  customer_id INT UNSIGNED NOT NULL,
  total DECIMAL(12, 2) NOT NULL,
  rate FLOAT,
  flags SET('gift', 'express', 'fragile') NOT NULL,
  bits BIT(12),
  took TIME(2),
  placed TIMESTAMP(3) NULL,
  KEY (customer_id), KEY (placed),
  CONSTRAINT purchase_customer FOREIGN KEY (customer_id) REFERENCES customer (id)
) CHARACTER SET utf8mb4;
INSERT INTO purchase (customer_id, total, rate, flags, bits, took, placed)
SELECT 1 + n * 7 % 6000, n / 8, n / 7, n % 8, n % 4096, SEC_TO_TIME(n * 61), IF(n % 19 = 0, NULL, '2022-01-01' + INTERVAL n * 997 SECOND)
FROM number;
UPDATE customer SET favourite_order = id WHERE id % 4 = 0;
ALTER TABLE customer ADD CONSTRAINT customer_favourite FOREIGN KEY (favourite_order) REFERENCES purchase (id);
CREATE TABLE visit (
  day INT NOT NULL, customer_id INT UNSIGNED NOT NULL, page VARCHAR(80) CHARACTER SET latin1 NOT NULL, PRIMARY KEY (day, customer_id)
) PARTITION BY RANGE (day) (PARTITION early VALUES LESS THAN (5000), PARTITION late VALUES LESS THAN MAXVALUE);
INSERT INTO visit SELECT n, 1 + n % 6000, CONCAT('/shop/', n % 40) FROM number WHERE n <= 12000;
CREATE TABLE review (
  id INT AUTO_INCREMENT PRIMARY KEY, customer_id INT UNSIGNED, stars TINYINT NOT NULL, title VARCHAR(200) NOT NULL, body TEXT,
  FOREIGN KEY (customer_id) REFERENCES customer (id)
) CHARACTER SET utf8mb4;
INSERT INTO review (customer_id, stars, title, body)
SELECT c.id, 1 + c.id % 5, CONCAT('Delivered to ', c.email), CONCAT(REPEAT('the parcel was late ', c.id % 9), '🚚') FROM customer c WHERE c.id % 3 = 0;
CREATE TABLE keyless (note VARCHAR(40), amount DOUBLE) CHARACTER SET utf8mb4;
INSERT INTO keyless SELECT ELT(1 + n % 3, 'twice', 'twice', NULL), n % 4 / 3 FROM number WHERE n <= 900;
CREATE VIEW late_purchase AS SELECT id, customer_id, total FROM purchase WHERE placed > '2022-03-01';
CREATE TRIGGER review_stars BEFORE INSERT ON review FOR EACH ROW SET NEW.stars = LEAST(NEW.stars, 5);
CREATE FUNCTION spent(who INT UNSIGNED) RETURNS DECIMAL(20, 2) READS SQL DATA
  RETURN (SELECT SUM(total) FROM purchase WHERE customer_id = who);
DROP PROCEDURE fill;
DROP TABLE number;
