//! Every value that a column can hold comes back as it was, by either way of loading.

use super::*;
use offshoot_testkit::mysql::ServerOptions;

/// Values at the edges of every type.
pub fn edges(binaries: &Binaries) -> String {
    let own = if is_mariadb(binaries) {
        "CREATE TABLE own (u UUID, a INET4, b INET6); INSERT INTO own VALUES ('00000000-0000-0000-0000-000000000001', '1.2.3.4', '::')"
    } else {
        "CREATE TABLE own (v VECTOR(2), d DOUBLE, f FLOAT); INSERT INTO own VALUES (STRING_TO_VECTOR('[1,2]'), -0e0, '-0')"
    };
    format!(
        "SET NAMES utf8mb4; SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES';
         CREATE TABLE numbers (a TINYINT, b SMALLINT UNSIGNED, c MEDIUMINT, d INT UNSIGNED ZEROFILL, e BIGINT, f BIGINT UNSIGNED,
           g DECIMAL(65,30), h FLOAT, i DOUBLE, j FLOAT(7,2), k DOUBLE(10,3), l BIT(1), m BIT(12), n BIT(64), y YEAR);
         INSERT INTO numbers VALUES
           (-128, 0, -8388608, 0, -9223372036854775808, 0, -99999999999999999999999999999999999.999999999999999999999999999999,
            -3.4028234663852886e38, -1.7976931348623157e308, -99999.99, -9999999.999, 0, 0, 0, 0),
           (127, 65535, 8388607, 4294967295, 9223372036854775807, 18446744073709551615, 0.1, 0.1, 0.1, 0.01, 0.001,
            b'1', b'111111111111', 18446744073709551615, 2155),
           (0, 9, 10, 92, 39, 34, 1, 1.17549435e-38, 5e-324, 1e-2, 3, b'0', 0x0A5C, 0x5C275C27090A0D00, 1901),
           (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
         CREATE TABLE times (a DATE, b TIME(6), c DATETIME(6), d TIMESTAMP(6) NULL, e TIME);
         INSERT INTO times VALUES
           ('0000-00-00', '-838:59:59.000000', '0000-00-00 00:00:00', '0000-00-00 00:00:00', '-00:00:01'),
           ('2020-02-31', '838:59:59', '2020-00-10 01:02:03.000004', '1970-01-01 00:00:01.5', '24:00:00'),
           ('9999-12-31', '00:00:00.000001', '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07.999999', '0:0:0');
         CREATE TABLE labels (a ENUM('a','b'), b ENUM('0','1','2','') NOT NULL, c SET('1','2','4'), d SET('x y','z') CHARACTER SET latin1,
           e ENUM('\u{ff11}','1','\u{e9}') CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci, f ENUM('a') CHARACTER SET utf16);
         INSERT IGNORE INTO labels VALUES (0, 0, 0, 0, 0, 0), (1, 1, 1, 1, 1, 1), (2, 4, 7, 3, 3, NULL), ('nothing', 'nothing', 'nothing', '', 2, NULL);
         CREATE TABLE texts (id INT PRIMARY KEY, a CHAR(4), b VARCHAR(10), c TEXT CHARACTER SET latin1, d VARCHAR(10) CHARACTER SET utf16,
           e VARCHAR(10) CHARACTER SET sjis, f VARCHAR(10) CHARACTER SET utf8mb3, g BINARY(4), h VARBINARY(300), i BLOB, j JSON, k GEOMETRY);
         INSERT INTO texts VALUES
           (0, '', '', '', '', '', '', '', '', '', NULL, NULL),
           (1, ' a ', 'a  ', '\u{e9}\\\\N', '\u{e9}\\\\\u{1f600}', '\u{8868}\\\\', '\u{20ac}', 'ab', x'00090A0D1A5C2722FF', '\\\\N',
            '{{\"a\": \"\\\\n\u{e9}\", \"b\": [1.50, null]}}', ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(0 0,1 1))')),
           (2, '\\t', '\\n', '\\0', '''', '\"', '\\r', x'00000000', x'5C4E', x'C328', 'null', NULL);
         CREATE TABLE lonely (a VARCHAR(5)); INSERT INTO lonely VALUES (''), (NULL), ('\\n'), ('\\\\'), ('');
         {own}"
    )
}

#[test]
fn at_the_edges_of_every_type() {
    round_trip("edges", edges);
}

#[test]
fn by_inserts_where_the_server_takes_no_files() {
    for binaries in Binaries::wanted() {
        let options = ServerOptions::new().binaries(binaries.clone()).setting("local_infile", "0");
        let server = Server::start(options.setting("max_allowed_packet", "1M"));
        let from = server.fresh_db("inserted");
        for sql in [edges(&binaries), kinds(&binaries), large(600_000)] {
            let loaded = server.load_text(&from, &sql);
            assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
        }
        let taken = take(&server, &from);
        let to = server.fresh_db("restored");
        let report = try_restore(&taken, &server, &to, options_of_two()).unwrap_or_else(|error| panic!("{error}"));
        assert!(report.warnings.iter().any(|warning| warning.contains("local_infile")), "{:?}", report.warnings);
        assert_same(&described(&server, &from), &described(&server, &to));
        assert_eq!(server.sql(&from, SUMS), server.sql(&to, SUMS));
        eprintln!("{}: the same by INSERT", binaries.version());
    }
}

fn options_of_two() -> Options {
    options(2)
}

/// What the large values are, by functions that take them whatever max_allowed_packet is.
const SUMS: &str = "SELECT id, LENGTH(a), CRC32(a), LENGTH(b), CRC32(b), j FROM large ORDER BY id";

/// Two rows with values of so many bytes, and one whose values are many.
fn large(bytes: usize) -> String {
    let columns: Vec<String> = (0..12).map(|index| format!("c{index} MEDIUMTEXT")).collect();
    let values = ["REPEAT('it''s \\\\ ', 11000)"; 12].join(", ");
    format!(
        "CREATE TABLE large (id INT PRIMARY KEY, a LONGBLOB, b LONGTEXT CHARACTER SET latin1, j JSON);
         INSERT INTO large VALUES (1, REPEAT(x'00270A5C', {bytes} / 4), NULL, NULL), (2, 'small', REPEAT('\u{e9}', {bytes} / 4), '[1]');
         CREATE TABLE wide (id INT PRIMARY KEY, {}); INSERT INTO wide VALUES (1, {values})",
        columns.join(", ")
    )
}

#[test]
fn a_value_above_the_packet_of_the_server() {
    for binaries in Binaries::wanted() {
        let source = shared_of(&binaries);
        let from = source.fresh_db("packets");
        source.load_text(&from, &large(3_000_000));
        let taken = take(source, &from);
        for local_infile in ["1", "0"] {
            let options = ServerOptions::new().binaries(binaries.clone()).setting("local_infile", local_infile);
            let server = Server::start(options.setting("max_allowed_packet", "2M"));
            let to = server.fresh_db("restored");
            let restored = try_restore(&taken, &server, &to, options_of_two());
            if local_infile == "1" {
                restored.unwrap_or_else(|error| panic!("{error}"));
                assert_eq!(source.sql(&from, SUMS), server.sql(&to, SUMS));
            } else {
                let error = restored.unwrap_err().to_string();
                for part in
                    ["max_allowed_packet of the target is 2097152", "of table large", "SET GLOBAL max_allowed_packet"]
                {
                    assert!(error.contains(part), "{error} lacks {part}");
                }
            }
        }
        source.dropdb(&from);
    }
}

#[test]
fn documents_of_mysql_come_back_as_their_text_says() {
    for binaries in Binaries::wanted().into_iter().filter(|binaries| !is_mariadb(binaries)) {
        let server = shared_of(&binaries);
        let (from, to) = (server.fresh_db("typed"), server.fresh_db("untyped"));
        server.sql(
            &from,
            "CREATE TABLE t (id INT PRIMARY KEY, j JSON);
             INSERT INTO t VALUES (1, JSON_OBJECT('n', CAST(1.50 AS DECIMAL(4,2)), 'd', DATE'2020-01-02')), (2, '{\"n\": 1.5, \"d\": null}')",
        );
        let asked = "SELECT id, j, JSON_TYPE(j->'$.n'), JSON_TYPE(j->'$.d') FROM t ORDER BY id";
        let same = "2\t{\"d\": null, \"n\": 1.5}\tDOUBLE\tNULL";
        assert_eq!(
            server.sql(&from, asked),
            format!("1\t{{\"d\": \"2020-01-02\", \"n\": 1.50}}\tDECIMAL\tDATE\n{same}")
        );
        try_restore(&take(server, &from), server, &to, options(1)).unwrap_or_else(|error| panic!("{error}"));
        // A text has no type for these: the limit that the manual names.
        assert_eq!(server.sql(&to, asked), format!("1\t{{\"d\": \"2020-01-02\", \"n\": 1.5}}\tDOUBLE\tSTRING\n{same}"));
    }
}
