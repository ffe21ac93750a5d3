CREATE TABLE modern (
  id INT PRIMARY KEY, hidden INT INVISIBLE DEFAULT 3, j JSON, tags JSON, spot POINT NOT NULL SRID 4326,
  made DATETIME DEFAULT (NOW() + INTERVAL 1 DAY), CONSTRAINT loose CHECK (id > 100) NOT ENFORCED,
  KEY by_expression ((id + 1)), KEY unseen (hidden) INVISIBLE, KEY many ((CAST(tags->'$[*]' AS UNSIGNED ARRAY))), SPATIAL KEY (spot)
) COLLATE utf8mb4_0900_as_cs;
INSERT INTO modern (id, hidden, j, tags, spot) VALUES (1, 9, '{"a": [1, 2.50, "é\\n", null]}', '[1, 2]', ST_GeomFromText('POINT(1 2)', 4326));
SET SESSION restrict_fk_on_non_standard_key = OFF;
CREATE TABLE rates (id INT PRIMARY KEY, code INT, valid INT, KEY (code), UNIQUE KEY (code, valid));
CREATE TABLE prices (id INT PRIMARY KEY, code INT, CONSTRAINT onto_no_unique_key FOREIGN KEY (code) REFERENCES rates (code));
INSERT INTO rates VALUES (1, 1, 1), (2, 1, 2);
INSERT INTO prices VALUES (1, 1), (2, 1), (3, NULL);
