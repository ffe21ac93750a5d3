SET NAMES utf8mb4;
SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO';
CREATE TABLE parents (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT, code VARCHAR(10) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL,
  note TEXT COMMENT 'it''s a note, with ; and `quotes` and é', PRIMARY KEY (id), UNIQUE KEY code (code), KEY note (note(20)), FULLTEXT KEY words (note)
) ENGINE=InnoDB AUTO_INCREMENT=500 COMMENT='parents; of `children`';
INSERT INTO parents VALUES (0, 'zero', 'the zero of a counter'), (1, 'é', NULL), (7, 'c', 'some words');
CREATE TABLE children (
  id INT NOT NULL PRIMARY KEY, parent INT UNSIGNED, code VARCHAR(10) CHARACTER SET latin1 COLLATE latin1_bin, other INT,
  doubled INT AS (id * 2) VIRTUAL, kept INT AS (id + 1) STORED, area POLYGON NOT NULL,
  CONSTRAINT `by parent` FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE CASCADE,
  CONSTRAINT by_code FOREIGN KEY (code) REFERENCES parents (code),
  CONSTRAINT to_itself FOREIGN KEY (other) REFERENCES children (id),
  CONSTRAINT positive CHECK (id > 0), KEY kept (kept, doubled), SPATIAL KEY area (area)
) ENGINE=InnoDB;
INSERT INTO children (id, parent, code, other, area) VALUES
  (2, 7, 'c', NULL, ST_GeomFromText('POLYGON((0 0,0 1,1 1,0 0))')), (1, NULL, NULL, 2, ST_GeomFromText('POLYGON((0 0,0 2,2 2,0 0))'));
CREATE TABLE circle_a (id INT PRIMARY KEY, b INT) ENGINE=InnoDB;
CREATE TABLE circle_b (id INT PRIMARY KEY, a INT, CONSTRAINT ab FOREIGN KEY (a) REFERENCES circle_a (id)) ENGINE=InnoDB;
ALTER TABLE circle_a ADD CONSTRAINT ba FOREIGN KEY (b) REFERENCES circle_b (id);
INSERT INTO circle_b VALUES (1, NULL); INSERT INTO circle_a VALUES (1, 1); UPDATE circle_b SET a = 1;
CREATE TABLE `od``d "name" é` (`a b` INT, `select` VARCHAR(5) DEFAULT 'a''b\\', KEY `in``dex` (`a b`));
INSERT INTO `od``d "name" é` VALUES (1, 'x'), (1, 'x'), (NULL, NULL);
CREATE TABLE parted (id INT NOT NULL, at DATE NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (YEAR(at))
  (PARTITION p0 VALUES LESS THAN (2020), PARTITION p1 VALUES LESS THAN MAXVALUE);
INSERT INTO parted VALUES (1, '2019-05-05'), (2, '2021-05-05');
CREATE TABLE old_engine (id INT NOT NULL AUTO_INCREMENT, kind CHAR(3), PRIMARY KEY (kind, id), KEY (id)) ENGINE=MyISAM AUTO_INCREMENT=77;
INSERT INTO old_engine (id, kind) VALUES (1, 'a'), (1, 'b');
CREATE TABLE in_memory (a INT, KEY (a)) ENGINE=MEMORY;
INSERT INTO in_memory VALUES (1), (2);
CREATE TABLE computed_only (a INT AS (1) STORED);
INSERT INTO computed_only VALUES (), ();
CREATE TABLE empty_one (id INT AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT=42;
CREATE TABLE audit (what VARCHAR(100)) CHARACTER SET utf8mb3;
DELIMITER //
SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES'//
CREATE FUNCTION "shout; é"(word VARCHAR(20)) RETURNS VARCHAR(50) DETERMINISTIC
BEGIN
  RETURN UPPER(word) || '\';
END//
SET sql_mode = ''//
CREATE PROCEDURE add_child(IN i INT) MODIFIES SQL DATA SQL SECURITY INVOKER COMMENT 'adds'
BEGIN
  INSERT INTO children (id, area) VALUES (i, ST_GeomFromText('POLYGON((0 0,0 1,1 1,0 0))'));
END//
CREATE TRIGGER second_insert AFTER INSERT ON children FOR EACH ROW INSERT INTO audit VALUES (CONCAT('second ', NEW.id))//
CREATE TRIGGER first_insert AFTER INSERT ON children FOR EACH ROW PRECEDES second_insert INSERT INTO audit VALUES ("first")//
SET NAMES latin1//
CREATE TRIGGER before_update BEFORE UPDATE ON parents FOR EACH ROW
BEGIN
  -- typed in latin1: Ã©
  SET NEW.note = CONCAT(NEW.note, 'Ã©');
END//
SET NAMES utf8mb4//
CREATE EVENT `every; day` ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' ON COMPLETION PRESERVE DISABLE COMMENT 'e'
  DO DELETE FROM audit//
SET time_zone = '+05:00'//
CREATE EVENT once ON SCHEDULE AT '2035-02-03 04:05:06' DO INSERT INTO audit VALUES ('once')//
SET time_zone = 'SYSTEM'//
DELIMITER ;
CREATE VIEW z_base AS SELECT id, code FROM parents WHERE note IS NULL OR note LIKE '%w\\_%';
CREATE VIEW a_upper AS SELECT z_base.id AS id, `shout; é`(z_base.code) AS loud FROM z_base;
CREATE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW checked AS SELECT id FROM children WHERE id > 1 WITH LOCAL CHECK OPTION;
