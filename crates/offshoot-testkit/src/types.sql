-- One table per family of built-in types with values at the edges of each, a NULL and an array of them; then
-- what users build out of types. Runs on PostgreSQL 12 and newer, in a UTF8 database, without extensions.
SELECT current_setting('server_version_num')::int >= 130000 AS has_xid8,
       current_setting('server_version_num')::int >= 140000 AS has_multiranges,
       current_setting('server_version_num')::int >= 170000 AS has_interval_infinity \gset
SET TimeZone TO 'UTC';
SET DateStyle TO 'ISO, YMD';
SET IntervalStyle TO 'postgres';
CREATE SCHEMA types;
SET search_path TO types, pg_catalog;

-- Numbers -------------------------------------------------------------------------------------------------

CREATE TABLE integers (id int PRIMARY KEY, small int2, plain int4, big int8, smalls int2[], plains int4[], bigs int8[]);
INSERT INTO integers VALUES (1, 0, 0, 0, '{}', '{}', '{}'), (2, 32767, 2147483647, 9223372036854775807, '{-1,NULL}', '{{1,2},{3,NULL}}', '[2:3]={1,2}'),
    (3, -32768, -2147483648, -9223372036854775808, '{-32768,32767}', '{-2147483648,2147483647}', '{-9223372036854775808}'), (4, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE floats (id int PRIMARY KEY, single float4, double float8, singles float4[], doubles float8[]);
INSERT INTO floats VALUES (1, '0', '0', '{}', '{}'), (2, '-0', '-0', '{-0,0}', '{-0,0}'), (3, 'NaN', 'NaN', '{NaN,Infinity}', '{NaN,-Infinity}'),
    (4, 'Infinity', '-Infinity', NULL, NULL), (5, '1e-45', '5e-324', NULL, NULL), (6, '3.4028235e38', '1.7976931348623157e308', NULL, NULL),
    (7, '0.1', '0.1', '{0.1,NULL}', '{0.30000000000000004}'), (8, NULL, NULL, NULL, NULL), (9, '1.1754942e-38', '2.2250738585072009e-308', NULL, NULL);

CREATE TABLE numerics (id int PRIMARY KEY, free numeric, fixed numeric(10, 3), wide numeric(1000, 500), list numeric[], amount money, amounts money[]);
INSERT INTO numerics VALUES (1, 0, 0, 0, '{}', 0, '{}'), (2, '0.00', '0.001', '1e-500', '{1,1.0,1.00,NULL}', '-92233720368547758.08', '{0.01}'),
    (3, 'NaN', 'NaN', 'NaN', '{NaN}', '92233720368547758.07', NULL), (4, -1e-1000, '-9999999.999', '1e499', '{-0.00}', NULL, '{NULL}'),
    (5, repeat('9', 2000)::numeric + ('0.' || repeat('9', 2000))::numeric, NULL, NULL, ARRAY[1e131071], NULL, NULL), (6, 1e-16383, NULL, NULL, NULL, NULL, NULL),
    (7, 10000, 9999, 10000, ARRAY[9999, 10000, 10001, 0.0001, 0.00001], 1, NULL), (8, 123456789012345678901234567890.12345678901234567890, 1.5, NULL, NULL, NULL, NULL);
\if :has_multiranges
INSERT INTO numerics (id, free, list) VALUES (20, 'Infinity', '{-Infinity,Infinity}'), (21, '-Infinity', NULL);
\endif

CREATE TABLE booleans_and_bits (id int PRIMARY KEY, yes boolean, one bit, fixed bit(17), loose bit varying, capped varbit(5), list bit(3)[], flags boolean[]);
INSERT INTO booleans_and_bits VALUES (1, true, B'1', B'10101010101010101', B'', B'11111', '{000,111,NULL}', '{t,f,NULL}'),
    (2, false, B'0', B'00000000000000000', B'1', B'', '{}', '{}'), (3, NULL, NULL, NULL, repeat('10', 5000)::varbit, NULL, NULL, NULL);

-- Text and bytes ------------------------------------------------------------------------------------------

CREATE TABLE texts (id int PRIMARY KEY, plain text, capped varchar(10), padded char(10), uncapped varchar, one char, byte "char", name name,
    plains text[], cappeds varchar(10)[], paddeds char(3)[], bytes "char"[], names name[]);
INSERT INTO texts VALUES (1, '', '', '', '', '', '', '', '{}', '{}', '{}', '{}', '{}'),
    (2, E' \t\n\r\\\x01\x7f', 'Ünïcödé 🙂', 'a', E'\u00a0', ' ', 'a', 'with "quotes"', ARRAY['', ' ', 'NULL', NULL, '"', '\', '{', ',', '}'], '{"a b",c}', '{a,"b ",NULL}', '{a,"\\"}', '{n}'),
    (3, '👨‍👩‍👧‍👦🏳️‍🌈🏴󠁧󠁢󠁳󠁣󠁴󠁿' || chr(769) || chr(1114111), '\N', '\.', 'NULL', '字', '\', repeat('n', 63), ARRAY[ARRAY['a', 'b'], ARRAY['c', NULL]], NULL, NULL, NULL, NULL),
    (4, repeat('x', 100000), NULL, NULL, repeat('ß', 3000), NULL, NULL, NULL, ARRAY[repeat('long', 3000)], NULL, NULL, NULL, NULL), (5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE bytes (id int PRIMARY KEY, value bytea, list bytea[]);
INSERT INTO bytes VALUES (1, '', '{}'), (2, '\x00', ARRAY['\x00'::bytea, '', NULL]), (3, '\x5c5c2e0a0d09', ARRAY['\xff'::bytea]),
    (4, (SELECT decode(string_agg(lpad(to_hex(i), 2, '0'), '' ORDER BY i), 'hex') FROM generate_series(0, 255) AS i), NULL), (5, NULL, NULL),
    (6, (SELECT decode(string_agg(md5(i::text), '' ORDER BY i), 'hex') FROM generate_series(1, 10000) AS i), NULL), (7, decode(repeat('00', 200000), 'hex'), NULL);

-- Times ---------------------------------------------------------------------------------------------------

CREATE TABLE times (id int PRIMARY KEY, day date, clock time, clock_zone timetz, moment timestamp, moment_zone timestamptz, span interval, clock3 time(3), moment0 timestamptz(0),
    years interval year to month, days date[], clocks time[], clock_zones timetz[], moments timestamp[], moment_zones timestamptz[], spans interval[]);
INSERT INTO times VALUES
    (1, '2000-01-01', '00:00', '00:00+00', '2000-01-01', '2000-01-01 00:00+00', '0', '00:00', '2000-01-01 00:00+00', '0', '{}', '{}', '{}', '{}', '{}', '{}'),
    (2, 'infinity', '24:00', '24:00-15:59:59', 'infinity', 'infinity', '178000000 years', '23:59:59.999', 'infinity', '1 year 1 mon',
        '{infinity,NULL,-infinity}', '{24:00,NULL}', '{00:00+15:59:59}', '{infinity}', '{-infinity}', '{"1 mon -1 days"}'),
    (3, '-infinity', '23:59:59.999999', '23:59:59.999999+05:45', '-infinity', '-infinity', '-178000000 years', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (4, '4713-01-01 BC', '00:00:00.000001', '12:00-12', '4713-01-01 00:00 BC', '4713-01-01 00:00+00 BC', '-00:00:00.000001', NULL, NULL, '-1 mon', NULL, NULL, NULL, NULL, NULL, NULL),
    (5, '5874897-12-31', NULL, NULL, '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00', '1 year -13 mons 40 days -25:59:59.5', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (6, '0001-12-31 BC', NULL, NULL, '0001-12-31 23:59:59 BC', '0001-01-01 00:00+14', '1 mon', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (7, NULL, NULL, NULL, NULL, NULL, '30 days', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (8, '1582-10-10', NULL, NULL, '1900-02-28 23:59:60', '1969-12-31 23:59:59.999999+00', '720:00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
\if :has_interval_infinity
INSERT INTO times (id, span, spans) VALUES (20, 'infinity', '{-infinity,infinity}');
\endif

-- Documents -----------------------------------------------------------------------------------------------

CREATE TABLE documents (id int PRIMARY KEY, kept json, parsed jsonb, path jsonpath, markup xml, keeps json[], parseds jsonb[], paths jsonpath[], markups xml[]);
INSERT INTO documents VALUES (1, '{}', '{}', '$', '', '{}', '{}', '{}', '{}'),
    (2, ' {"b" :1, "a":2, "a": 3} ', '{"b": 1, "aa": 2, "a": [1, 1.0, 1.00, -0, 1e400, true, false, null, "", {"x": []}]}', 'strict $.a[*] ? (@ > 1 && @.b like_regex "^x" flag "i")', '<a b="c">&amp;<![CDATA[<]]></a>',
        ARRAY['null'::json, '[ ]'], ARRAY['"\"\\\/\b\f\n\r\t\u0001"'::jsonb, NULL], ARRAY['$."k y"[last]'::jsonpath], ARRAY['<x/>'::xml, 'text']),
    (3, '"\u0000\ud83d\ude00"', '"\ud83d\ude00é\u2028"', 'lax $.**{2 to last}.type()', '<?xml version="1.0"?><ä>ö</ä>', NULL, NULL, NULL, NULL),
    (4, 'null', 'null', '$.a.double() + 1.5', '<!-- only a comment -->', NULL, NULL, NULL, NULL), (5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (6, (SELECT json_agg(i) FROM generate_series(1, 5000) AS i), (SELECT jsonb_object_agg('k' || i, md5(i::text)) FROM generate_series(1, 3000) AS i), NULL, NULL, NULL, NULL, NULL, NULL);

-- Addresses, geometry, search, identifiers ------------------------------------------------------------------

CREATE TABLE addresses (id int PRIMARY KEY, host inet, net cidr, mac macaddr, mac8 macaddr8, hosts inet[], nets cidr[], macs macaddr[], mac8s macaddr8[]);
INSERT INTO addresses VALUES (1, '0.0.0.0', '0.0.0.0/0', '00:00:00:00:00:00', '00:00:00:00:00:00:00:00', '{}', '{}', '{}', '{}'),
    (2, '255.255.255.255/1', '::/0', 'ff:ff:ff:ff:ff:ff', 'ff:ff:ff:ff:ff:ff:ff:ff', '{::1,NULL}', '{10.0.0.0/8}', '{08:00:2b:01:02:03}', '{08:00:2b:01:02:03:04:05}'),
    (3, '2001:db8::ffff/64', '2001:db8::/128', NULL, NULL, NULL, NULL, NULL, NULL), (4, '::ffff:1.2.3.4', '1.2.3.4/32', NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE shapes (id int PRIMARY KEY, spot point, endless line, piece lseg, frame box, route path, area polygon, ring circle,
    spots point[], endlesses line[], pieces lseg[], frames box[], routes path[], areas polygon[], rings circle[]);
INSERT INTO shapes VALUES (1, '(0,0)', '{1,0,0}', '[(0,0),(1,1)]', '(1,1),(0,0)', '((0,0),(1,1))', '((0,0),(1,1),(2,0))', '<(0,0),0>', '{}', '{}', '{}', '{}', '{}', '{}', '{}'),
    (2, '(-0,1e-300)', '{-0.1,2.5,3}', '[(0,0),(0,0)]', '(NaN,Infinity),(-Infinity,0)', '[(1,2),(3,4),(5,6)]', '((1,1))', '<(1.5,-2.5),1e300>', '{"(1,2)",NULL}', '{"{1,2,3}"}', '{"[(1,2),(3,4)]"}', '{(1,1),(0,0);(2,2),(1,1)}', '{"[(1,2)]"}', '{"((1,2),(3,4))"}', '{"<(1,2),3>"}'),
    (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE searches (id int PRIMARY KEY, words tsvector, query tsquery, word_lists tsvector[], queries tsquery[]);
INSERT INTO searches VALUES (1, '', '', '{}', '{}'), (2, '''it''''s'':1A,2B,3C,4 ''a b'' ''é'':16383', '!a & (b | ''c d'':*AB) <-> e <5> f', ARRAY['a:1'::tsvector, NULL], ARRAY['a & b'::tsquery]), (3, NULL, NULL, NULL, NULL);

CREATE TABLE identifiers (id int PRIMARY KEY, key uuid, number oid, place tid, change xid, command cid, position pg_lsn, seen txid_snapshot,
    keys uuid[], numbers oid[], places tid[], changes xid[], commands cid[], positions pg_lsn[], seens txid_snapshot[], oids oidvector, smalls int2vector, rights aclitem, right_list aclitem[]);
INSERT INTO identifiers VALUES (1, '00000000-0000-0000-0000-000000000000', 0, '(0,0)', '0', '0', '0/0', '10:20:10,14,15', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '', '', NULL, '{}'),
    (2, 'ffffffff-ffff-ffff-ffff-ffffffffffff', 4294967295, '(4294967295,65535)', '4294967295', '4294967295', 'FFFFFFFF/FFFFFFFF', '1:1:', '{ffffffff-ffff-ffff-ffff-ffffffffffff,NULL}', '{1,4294967295}', '{"(1,2)"}', '{7}', '{8}', '{1/2}', '{1:1:}', '1 2 4294967295', '-1 0 32767',
        makeaclitem('pg_monitor'::regrole, 'pg_read_all_stats'::regrole, 'SELECT', true), ARRAY[makeaclitem('pg_monitor'::regrole, 'pg_read_all_stats'::regrole, 'USAGE', false)]);
\if :has_xid8
CREATE TABLE identifiers_13 (id int PRIMARY KEY, change xid8, seen pg_snapshot, changes xid8[], seens pg_snapshot[], collation_name regcollation);
INSERT INTO identifiers_13 VALUES (1, '0', '1:1:', '{}', '{}', '"C"'), (2, '18446744073709551615', '10:20:10,14', '{18446744073709551615,NULL}', '{10:20:10}', NULL);
\endif

CREATE TABLE names_of_objects (id int PRIMARY KEY, class regclass, kind regtype, routine regproc, routine_with_types regprocedure, sign regoper, sign_with_types regoperator,
    role regrole, space regnamespace, configuration regconfig, dictionary regdictionary, classes regclass[], kinds regtype[]);
INSERT INTO names_of_objects VALUES (1, 'types.integers', 'integer', 'now', 'abs(integer)', '||/', '+(integer,integer)', 'pg_monitor', 'types', 'simple', 'simple', '{types.texts,pg_class}', '{text,"int4[]"}'), (2, '-', '-', '-', '-', '0', '0', '-', '-', NULL, NULL, '{}', NULL), (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE internals (id int PRIMARY KEY, cursor_name refcursor, cursor_names refcursor[]);
INSERT INTO internals VALUES (1, 'my cursor', '{a,b}'), (2, NULL, NULL);

-- Ranges --------------------------------------------------------------------------------------------------

CREATE TABLE ranges (id int PRIMARY KEY, plain int4range, big int8range, numbers numrange, moments tsrange, moment_zones tstzrange, days daterange,
    plains int4range[], bigs int8range[], numbers_list numrange[], moments_list tsrange[], moment_zones_list tstzrange[], days_list daterange[]);
INSERT INTO ranges VALUES (1, 'empty', 'empty', 'empty', 'empty', 'empty', 'empty', '{}', '{}', '{}', '{}', '{}', '{}'), (2, '(,)', '(,)', '(,)', '(,)', '(,)', '(,)', '{"[1,2)",empty,NULL}', '{"(,5]"}', '{"[1.0,1.00]"}', '{"[infinity,infinity]"}', '{"[2020-01-01 00:00+00,)"}', '{"[2020-01-01,infinity)"}'),
    (3, '[1,10]', '[-9223372036854775808,)', '(-1.50,NaN]', '["2020-01-01 00:00","2021-01-01 00:00:00.000001")', '[-infinity,infinity]', '(,2020-02-29]', NULL, NULL, NULL, NULL, NULL, NULL), (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
\if :has_multiranges
CREATE TABLE multiranges (id int PRIMARY KEY, plain int4multirange, big int8multirange, numbers nummultirange, moments tsmultirange, moment_zones tstzmultirange, days datemultirange, plains int4multirange[]);
INSERT INTO multiranges VALUES (1, '{}', '{}', '{}', '{}', '{}', '{}', '{}'), (2, '{(,)}', '{[1,3),[5,)}', '{[1.0,2.00],(3,NaN)}', '{[2020-01-01,2021-01-01)}', '{[-infinity,infinity]}', '{[2020-01-01,2020-02-01),[2021-01-01,)}', '{"{[1,2)}",NULL}'), (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
\endif

-- What users build ------------------------------------------------------------------------------------------

CREATE TYPE mood AS ENUM ('sad', '', 'so "so", \ and {more}', '😀', 'last');
ALTER TYPE mood ADD VALUE 'between' BEFORE 'last';
CREATE TYPE pair AS (left_part integer, "right part" text);
CREATE TYPE nested AS (pair pair, pairs pair[], mood mood, moods mood[], range int4range, bytes bytea, number numeric, gone text);
ALTER TYPE nested DROP ATTRIBUTE gone;
CREATE TYPE nothing AS ();
CREATE TYPE text_range AS RANGE (subtype = text, collation = "C");
CREATE TYPE mood_range AS RANGE (subtype = mood);
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE DOMAIN more_positive AS positive CHECK (VALUE > 10);
CREATE DOMAIN moods AS mood[] CHECK (cardinality(VALUE) < 9);
CREATE DOMAIN good_pair AS pair CHECK ((VALUE).left_part IS NOT NULL OR VALUE IS NULL);
CREATE DOMAIN short_span AS int4range CHECK (upper(VALUE) - lower(VALUE) < 100);
CREATE TABLE built (id int PRIMARY KEY, mood mood, moods mood[], pair pair, pairs pair[], nested nested, nesteds nested[], nothing nothing, texts text_range, mood_span mood_range,
    positive positive, more more_positive, mood_list moods, good good_pair, short short_span, positives positive[], goods good_pair[], texts_list text_range[], shorts short_span[], whole_row types.integers, rows types.internals[]);
INSERT INTO built VALUES
    (1, 'sad', '{}', ROW(1, 'x'), '{}', NULL, '{}', ROW(), 'empty', '[sad,last]', 1, 11, '{}', ROW(1, NULL), '[1,5)', '{}', '{}', '{}', '{}', ROW(1, 2, 3, 4, NULL, '{NULL}', NULL), '{}'),
    (2, '', '{sad,NULL,😀}', ROW(NULL, NULL), ARRAY[ROW(1, '"quoted", (and) \ more')::pair, NULL, ROW(NULL, '')::pair],
        ROW(ROW(-1, E'\n'), ARRAY[ROW(2, NULL)::pair], 'so "so", \ and {more}', '{"so \"so\", \\ and {more}"}', '[1,2)', '\x00ff', 'NaN'), ARRAY[ROW(NULL, NULL, NULL, NULL, NULL, NULL, NULL)::nested, NULL], NULL, '["a","b""c"]', '(,between]',
        2147483647, 2147483647, '{last,between}', ROW(5, 'ü'), 'empty', '{1,NULL,2}', ARRAY[ROW(1, 'a')::good_pair], '{"[a,b)",NULL}', '{empty}', NULL, ARRAY[ROW(1, 'c', '{}')::types.internals]), (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
\if :has_multiranges
CREATE TYPE span14 AS RANGE (subtype = float8, multirange_type_name = spans14);
CREATE TABLE built_14 (id int PRIMARY KEY, span span14, spans spans14, texts text_multirange, lists spans14[]);
INSERT INTO built_14 VALUES (1, '[-0,NaN]', '{[0,1),(2,Infinity]}', '{[a,b),[c,)}', '{"{}","{[1,2]}"}'), (2, NULL, NULL, NULL, NULL);
\endif

CREATE TABLE generated (id int GENERATED ALWAYS AS IDENTITY, base int, doubled int GENERATED ALWAYS AS (base * 2) STORED, list int[] GENERATED ALWAYS AS (ARRAY[base, NULL]) STORED);
INSERT INTO generated (base) VALUES (1), (NULL), (-3);
