-- The shop's rows. Nothing here is random: every value follows from its number by md5, so that each load of
-- the shop, on any version and machine, holds the same.
SET TimeZone TO 'UTC';
SET DateStyle TO 'ISO, YMD';
BEGIN;

-- Names in many scripts; among them combining marks, right-to-left text, joiners and one that looks like SQL.
CREATE TEMPORARY TABLE word ON COMMIT DROP AS SELECT
    ARRAY['Anna', 'Liam', 'Noah', 'Emma', 'Mateo', 'Chloé', 'Zoë', 'Jürgen', 'Søren', 'Łukasz', 'Ğülşen', 'Đặng', 'Iñaki',
        'Иван', 'Наталія', 'Ελένη', 'Գագիկ', 'თამარ', 'محمد', 'فاطمة', 'שרה', 'अर्जुन', 'প্রিয়া', 'தமிழ்', 'సీత', 'สมชาย', 'ขวัญ',
        '美咲', '健太', '伟', '秀英', '지우', '서연', 'ဇော်', 'ሰላም', 'ចន្ទ', 'Nguyễn', 'Zoe' || chr(776), 'Z̸̡̛a̷̢̧l̵g̶o', '👩‍🚀 Ada',
        '🇮🇸 Björk', 'O''Brien', 'Robert''); DROP TABLE students;--', 'Jean-Luc', 'X Æ A-12', 'ＦＵＬＬ', 'ß', 'İ', 'ﬁnn', '𝔘𝔫𝔦', '𠮷野'] AS given,
    ARRAY['Smith', 'Garcia', 'Müller', 'Nguyen', 'Kowalski', 'Ivanova', 'Rossi', 'Þórsdóttir', 'de la Cruz', 'van der Berg',
        'Петренко', 'Παπαδόπουλος', 'الأحمد', 'כהן', 'शर्मा', '王', '李', '佐藤', '김', 'ณ อยุธยา', 'Ó Súilleabháin', 'MacDonald',
        'D''Angelo', 'Müller-Lüdenscheidt', 'null', 'NULL', 'Test', '  spaced  ', 'a/b\c', 'Wolfeschlegelsteinhausenbergerdorff'] AS family,
    ARRAY['Berlin', 'Paris', '東京', 'Москва', 'القاهرة', 'Reykjavík', 'São Paulo', 'København', 'मुंबई', '서울', 'Αθήνα', 'Kraków',
        'Llanfairpwllgwyngyll', 'Zürich', '北京', 'ירושלים', 'Y', 'Å'] AS city,
    ARRAY['lamp', 'chair', 'teapot', 'bicycle', 'Käsereibe', 'кресло', '茶碗', 'カメラ', 'كتاب', 'notebook', 'umbrella', 'kettle', 'rug', '🎸'] AS thing,
    ARRAY['red', 'small', 'second-hand', 'hand-made', 'blau', 'зелёный', '新しい', 'XXL', 'quiet', 'ultra-light', '"special"', '100 %'] AS quality,
    ARRAY['👍', '❤️', '👨‍👩‍👧‍👦', '🏳️‍🌈', '👋🏿', '🇯🇵', '1️⃣', '🧑🏻‍❤️‍💋‍🧑🏾', '😂', '🏴󠁧󠁢󠁳󠁣󠁴󠁿'] AS emoji,
    ARRAY['very good', 'arrived late', 'as described', 'nie wieder', 'très bien', 'очень хорошо', '最高です', 'ممتاز', 'would buy again',
        'the box was dented', 'colour differs', E'line one\nline two\ttabbed', 'C:\new\table', 'it''s "fine"', '100% \o/'] AS remark;

-- 6,000 customers; the later invited by earlier ones.
INSERT INTO shop.customer (id, given_name, family_name, nickname, email, phone, born, invited_by, settings, tags, balance, score,
    ratio, seen_from, joined_at, changed_at) OVERRIDING SYSTEM VALUE
SELECT 1000 + 7 * i, shop.pick(given, shop.dice('given', i)),
    CASE WHEN i % 23 = 0 THEN NULL WHEN i % 29 = 0 THEN '' ELSE shop.pick(family, shop.dice('family', i)) END,
    CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE 'nick' || i % 100 END,
    CASE WHEN i % 11 <> 0 THEN 'customer' || i || '@mail' || i % 7 || '.example' END,
    CASE WHEN i % 3 <> 0 THEN '+49 30 ' || floor(shop.dice('phone', i) * 1e7)::int END,
    CASE WHEN i % 17 <> 0 THEN date '1940-01-01' + floor(shop.dice('born', i) * 24000)::int END,
    CASE WHEN i > 10 AND i % 4 = 0 THEN 1000 + 7 * floor(shop.dice('inviter', i) * (i - 1))::int END,
    jsonb_build_object('theme', CASE WHEN i % 3 = 0 THEN 'dark' ELSE 'light' END, 'newsletter', i % 2 = 0,
        'limits', jsonb_build_array(i % 10, NULL, (i % 7)::numeric / 4), 'motto', emoji[1 + i % 10]),
    CASE WHEN i % 6 = 0 THEN ARRAY['vip', NULL, 'a,b', ''] WHEN i % 6 = 1 THEN '{}'::text[] WHEN i % 6 = 2 THEN ARRAY[emoji[1 + i % 10]] END,
    CASE WHEN i % 9 <> 0 THEN ROW((shop.dice('balance', i) * 2000 - 500)::numeric(14, 4), (ARRAY['EUR', 'USD', 'JPY', 'INR', 'ISK'])[1 + i % 5])::shop.price END,
    (shop.dice('score', i) * 100)::real, shop.dice('ratio', i) / 3,
    CASE WHEN i % 2 = 0 THEN inet '10.0.0.0' + floor(shop.dice('seen', i) * 16e6)::int ELSE inet '2001:db8::' + i END,
    timestamptz '2019-01-01 00:00+00' + floor(shop.dice('joined', i) * 2.2e14) * interval '1 microsecond', NULL
FROM word, generate_series(0, 5999) AS i;

-- 8,000 addresses; most customers have a main one, which closes the cycle.
INSERT INTO shop.address (customer_id, lines, city, country, place, area)
SELECT 1000 + 7 * (i % 6000), ARRAY[shop.pick(family, shop.dice('street', i)) || ' ' || i % 200, CASE WHEN i % 4 = 0 THEN 'c/o ' || i END],
    CASE WHEN i % 31 <> 0 THEN shop.pick(city, shop.dice('city', i)) END, (ARRAY['DE', 'FR', 'JP', 'IS', 'US', 'I '])[1 + i % 6],
    CASE WHEN i % 3 = 0 THEN point(round((shop.dice('x', i) * 360 - 180)::numeric, 5)::float8, round((shop.dice('y', i) * 180 - 90)::numeric, 5)::float8) END,
    CASE WHEN i % 500 = 0 THEN polygon '((0,0),(0,1.5),(1,1))' END
FROM word, generate_series(1, 8000) AS i;
UPDATE shop.customer AS c SET main_address_id = a.id
FROM shop.address AS a WHERE a.customer_id = c.id AND a.id <= 6000 AND c.id % 10 <> 0;

INSERT INTO shop.employee (id, boss_id, name, email, works_during, badge, card, hours)
SELECT i, CASE WHEN i > 1 THEN i / 2 END, shop.pick(given, shop.dice('employee', i)), 'e' || i || '@shop.example',
    tstzrange(timestamptz '2020-01-01 08:00+00' + i * interval '1 day', CASE WHEN i % 3 = 0 THEN 'infinity' END::timestamptz),
    md5('badge' || i)::uuid, ('08:00:2b:01:02:03:04:' || lpad(to_hex(i), 2, '0'))::macaddr8, i * interval '1 month 2 days 03:04:05.6'
FROM word, generate_series(1, 40) AS i;
UPDATE shop.employee SET boss_id = 40 WHERE id = 1;
INSERT INTO shop.note (employee_id, body, is_secret) SELECT 1 + i % 40, 'note ' || i, i % 5 = 0 FROM generate_series(1, 200) AS i;

INSERT INTO shop.category SELECT i, CASE WHEN i > 5 THEN 1 + i / 6 END, quality[1 + i % 12] || ' ' || thing[1 + i % 14]
FROM word, generate_series(1, 60) AS i;

-- 2,500 products, some with a photo, nested documents and arrays of composites.
INSERT INTO shop.product (sku, title, category_id, price, parcels, weight_kg, sizes, tolerance, attributes, original, photo, photo_hash,
    flags, grid, on_sale)
SELECT 'SKU-' || lpad(i::text, 6, '0'), shop.pick(quality, shop.dice('quality', i)) || ' ' || shop.pick(thing, shop.dice('thing', i)) || ' ' || i,
    CASE WHEN i % 13 <> 0 THEN 1 + floor(shop.dice('category', i) * 60)::int END,
    ROW((exp(shop.dice('price', i) * 6))::numeric(14, 2), (ARRAY['EUR', 'USD', 'JPY'])[1 + i % 3])::shop.price,
    CASE i % 7 WHEN 0 THEN ARRAY[ROW('{1.5,NULL,2.25}', ROW(i, 'ISK'), 'with "quotes", (brackets) \ and comma')::shop.parcel, NULL] WHEN 1 THEN '{}' END,
    CASE i % 50 WHEN 0 THEN 'NaN'::numeric WHEN 1 THEN 0.00 WHEN 2 THEN 1e-20 WHEN 3 THEN 1e40 ELSE (shop.dice('weight', i) * 50)::numeric(8, 3) END,
    CASE i % 4 WHEN 0 THEN int4range(i, i + 10) WHEN 1 THEN 'empty' WHEN 2 THEN int4range(NULL, i) END,
    CASE WHEN i % 10 = 0 THEN shop.float_span(-0.5, shop.dice('tolerance', i), '[]') END,
    jsonb_build_object('colour', shop.pick(quality, shop.dice('colour', i)), 'made', jsonb_build_object('in', shop.pick(city, shop.dice('made', i)), 'year', 1990 + i % 36),
        'sizes', jsonb_build_array(i % 3, i % 5, jsonb_build_array()), 'note', E'tab\there \\ "quoted" \u0001 ' || emoji[1 + i % 10]),
    CASE WHEN i % 5 = 0 THEN ('{"a":  ' || i || ', "a": 2, "text": "\u00e9\ud83d\ude00 \\u0000", "big": 1' || repeat('0', i % 40) || '.50}')::json END,
    CASE WHEN i % 20 = 0 THEN (SELECT decode(string_agg(md5(i || '/' || k), '' ORDER BY k), 'hex') FROM generate_series(1, 10 + i / 10) AS k) END,
    CASE WHEN i % 2 = 0 THEN sha256(i::text::bytea) END,
    CASE WHEN i % 3 = 0 THEN (i % 256)::bit(8)::bit varying END,
    CASE i % 8 WHEN 0 THEN ARRAY[[i, NULL], [2, 3]] WHEN 1 THEN '[-1:0][3:4]={{1,2},{3,4}}'::int[] WHEN 2 THEN '{}' END,
    CASE WHEN i % 6 = 0 THEN daterange('2025-01-01', date '2025-01-01' + i) END
FROM word, generate_series(1, 2500) AS i;

INSERT INTO shop.review
SELECT 1 + floor(2500 * shop.dice('reviewed', i) ^ 2)::int, 1000 + 7 * (i * 2 % 6000), floor(shop.dice('stars', i) ^ 0.4 * 6)::int,
    CASE WHEN i % 3 <> 0 THEN shop.pick(remark, shop.dice('title', i)) END,
    repeat(shop.pick(remark, shop.dice('body', i)) || ' ' || emoji[1 + i % 10] || ' ', 1 + i % 12)
FROM word, generate_series(1, 3000) AS i;

-- 15,000 orders, more of them the later it gets, with a line or a few each.
INSERT INTO shop."order" (id, placed_on, customer_id, state, comment)
SELECT 100000 + 3 * i, date '2023-01-01' + floor(1200 * sqrt(i / 15000.0))::int, 1000 + 7 * floor(6000 * shop.dice('buyer', i) ^ 2)::int,
    (enum_range(NULL::shop.order_state))[1 + floor(8 * shop.dice('state', i) ^ 3)::int],
    CASE WHEN i % 10 = 0 THEN shop.pick(remark, shop.dice('comment', i)) WHEN i % 10 = 1 THEN '' END
FROM word, generate_series(0, 14999) AS i;
INSERT INTO shop.order_line (order_id, placed_on, line, product_id, quantity, each, gift)
SELECT o.id, o.placed_on, line, 1 + floor(2500 * shop.dice('bought', o.id * 10 + line) ^ 2)::int, CASE WHEN o.id % 50 = 0 THEN -1 ELSE line END,
    (exp(shop.dice('each', o.id * 10 + line) * 5))::numeric(12, 4), line > 3
FROM shop."order" AS o, generate_series(1, 1 + (o.id % 4)::int / 2) AS line;

INSERT INTO shop.stock
SELECT (ARRAY['oslo', 'Ísafjörður', NULL, '', 'Łódź'])[1 + i % 5], 1 + i % 2500, CASE WHEN i % 19 <> 0 THEN floor(shop.dice('stock', i) * 500)::int END,
    timestamp '2025-06-01' + i * interval '1 minute' FROM generate_series(1, 4000) AS i;
INSERT INTO shop.ticket (kind, customer_id, body, closed)
SELECT (enum_range(NULL::shop.ticket_kind))[1 + floor(5 * shop.dice('kind', i))::int], 1000 + 7 * (i % 6000), shop.pick(remark, shop.dice('ticket', i)),
    CASE i % 3 WHEN 0 THEN true WHEN 1 THEN false END FROM word, generate_series(1, 1500) AS i;

-- Each view appears once or several times, equal in every column.
INSERT INTO shop.page_view
SELECT '/product/' || floor(100 * shop.dice('page', i) ^ 3)::int, timestamp '2025-10-01' + i % 700 * interval '1.001 seconds',
    CASE WHEN i % 4 <> 0 THEN inet '192.168.0.0/16' + i % 50 END, i % 90
FROM generate_series(1, 3000) AS i, generate_series(1, 1 + (i % 3) / 2) AS again;
INSERT INTO shop.session_cache SELECT md5('session' || i)::uuid, jsonb_build_object('cart', i), timestamptz '2025-12-01 00:00+00' + i * interval '1 s'
FROM generate_series(1, 300) AS i;
INSERT INTO shop.booking SELECT i % 12, tsrange(timestamp '2025-03-01' + i / 12 * interval '2 hours', timestamp '2025-03-01 02:00' + i / 12 * interval '2 hours')
FROM generate_series(0, 299) AS i;
INSERT INTO shop.no_columns SELECT FROM generate_series(1, 3);
INSERT INTO "Büro & ""Lager"""."Regal ""A"" – größte Körbe, kein Tisch; xxxxxxxxxxxxxxxxxxxx" SELECT i, 'value ' || i, i / 3.0, ' ', '', E'\t' FROM generate_series(1, 20) AS i;
INSERT INTO shop.contact VALUES (1, 'only a contact', DEFAULT);
INSERT INTO shop.supplier (id, name, latitude, longitude, products) VALUES (2, 'Ōsaka 🏭', 34.6937, 135.5023, '{1,2,3}'), (3, NULL, 'NaN', '-0', NULL);
INSERT INTO shop.special_supplier (id, name, discount, latitude) VALUES (4, 'special', 0.10, 'Infinity');

-- Values at the edges of their types, one row each.
INSERT INTO shop.edge_case (name) VALUES ('all null');
INSERT INTO shop.edge_case VALUES
    ('empty', '', '', '', 0, 0, 0, 0, '0001-01-01', '0001-01-01', '0001-01-01 00:00+00', '00:00', '00:00+00', '0', '{}', '', '{}', '(0,0),(0,0)'),
    ('least', E'\x01', ' ', ' x', -9223372036854775808, -1e1000, '-3.4028235e38', '-1.7976931348623157e308', '4713-01-01 BC', '4713-01-01 00:00 BC',
        '4713-01-01 00:00+00 BC', '00:00:00.000001', '00:00+15:59:59', '-178000000 years', '-1e1000', '\x00', '{{NULL}}', '(-1e300,-1e300),(1e300,1e300)'),
    ('greatest', repeat('🏴󠁧󠁢󠁳󠁣󠁴󠁿', 1000), '0123456789', '12345', 9223372036854775807, 1e1000 + 1e-1000, '3.4028235e38', '1.7976931348623157e308', '5874897-12-31',
        '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00', '24:00', '24:00-15:59:59', '178000000 years 11 mons 30 days 23:59:59.999999', '[[[[{}]]]]',
        decode(repeat('00ff', 500), 'hex'), ARRAY[[repeat('y', 500)], [NULL]], '(3,4),(1,2)'),
    ('infinite', 'infinity', 'inf', '∞', 1, 'NaN', 'Infinity', '-Infinity', 'infinity', '-infinity', 'infinity', NULL, NULL, '1 mon -1 days', 'null', '\x494e46', '{NULL,"NULL",null}', NULL),
    ('not a number', 'NaN', NULL, NULL, NULL, '0.000', 'NaN', 'NaN', '-infinity', 'infinity', '-infinity', NULL, NULL, '00:00:00.000001', '{"": {"": []}}', '\xfffe', '[5:5]={x}', NULL),
    ('negative zero', '-0', NULL, NULL, 0, '-0.00', '-0', '-0', '2000-01-01', '2000-01-01 00:00:00.000001', '1999-12-31 23:59:59.999999+00', '23:59:60', NULL, '-00:00:00.5', '-0.0', '\x2d30', '{-0}', '(-0,0),(0,-0)'),
    ('tiny', E'\u00a0\u200b\u202e\ufeff', E'\u200d', E'\u0301', 1, 1e-1000, '1e-45', '5e-324', '0044-03-15 BC', '0044-03-15 12:00 BC', '0044-03-15 12:00+00 BC', '12:34:56.789', '12:34:56.789+05:30',
        '1 year -2 mons +3 days -04:05:06.7', '{"k": "\u00e9\ud83d\ude00\u0001", "1e400": 1e400, "deep": [[[[[[1]]]]]]}', '\x5c', E'{"\\\\","\\"","{,}"," "}', NULL);

-- Long values: one that compresses well, one that does not, and one in between.
INSERT INTO shop.document VALUES
    ('compressible', repeat('the same line again' || chr(10), 20000), NULL, NULL, '<shop name="ä &amp; ö"><!-- c --><item/></shop>'),
    ('incompressible', NULL, (SELECT decode(string_agg(md5('noise' || i), '' ORDER BY i), 'hex') FROM generate_series(1, 20000) AS i), NULL, NULL),
    ('mixed', (SELECT string_agg(emoji[1 + i % 10] || md5('text' || i), ' ' ORDER BY i) FROM word, generate_series(1, 8000) AS i), '\x',
        (SELECT jsonb_object_agg('key ' || i, jsonb_build_object('n', i, 't', remark[1 + i % 15])) FROM word, generate_series(1, 3000) AS i), '<a>text</a>');

SELECT lo_from_bytea(20201, (SELECT decode(string_agg(md5('photo' || i), '' ORDER BY i), 'hex') FROM generate_series(1, 20000) AS i)) \g /dev/null
SELECT lo_from_bytea(20202, '\x00ff') \g /dev/null
SELECT lo_create(20203) \g /dev/null
COMMENT ON LARGE OBJECT 20201 IS 'Das Lager, von oben';

SELECT setval('shop.customer_id_seq', 1000 + 7 * 5999), setval('shop.order_number', 100000 + 3 * 14999), setval('shop.employee_id_seq', 40),
    nextval('shop.countdown'), nextval('shop.countdown'), nextval('shop.countdown') \g /dev/null
COMMIT;

\if :has_multiranges
INSERT INTO shop.opening VALUES (1, '{[8,12),[13.5,18]}', ARRAY['{[2025-12-24,2025-12-27)}'::datemultirange]), (6, '{}', '{}'), (7, NULL, NULL), (8, '{(,)}', ARRAY[NULL::datemultirange]);
\endif
\if :has_virtual_columns
INSERT INTO shop.parcel_label SELECT i, i * 10, i * 7 FROM generate_series(1, 50) AS i;
\endif
