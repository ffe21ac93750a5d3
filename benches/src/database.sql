-- The database of the benchmarks: about 3 GB at scale 1, 11 indexes, 3 foreign keys. :scale multiplies the rows.
-- Values are made from md5 of the row number: the same at every run, with lifelike repetition in names and texts.
\set ON_ERROR_STOP on
SET client_min_messages = warning;

CREATE FUNCTION pick(list text[], seed bigint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT list[1 + abs(hashint8(seed)) % array_length(list, 1)] $$;

CREATE FUNCTION prose(seed bigint, words integer) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT string_agg((ARRAY['the','order','was','delivered','late','and','customer','asked','for','a','refund','of','shipping','costs',
    'because','parcel','arrived','damaged','warehouse','in','Lyon','replacement','sent','on','Monday','thank','you','very','much','support',
    'team','please','confirm','address','invoice','number','payment','received','with','regards','café','naïve','Zürich','東京','Привет','مرحبا','👍','🚚'])
    [1 + (abs(hashint8(seed * 1000 + i)) % 48)] || CASE WHEN i % 9 = 0 THEN ' ' || substr(md5((seed * 31 + i)::text), 1, 6) ELSE '' END, ' ')
  FROM generate_series(1, words) AS i $$;

CREATE TABLE users (
  id bigint PRIMARY KEY,
  email text NOT NULL,
  first_name text NOT NULL,
  last_name text NOT NULL,
  display_name text,
  phone text,
  street text,
  city text,
  country char(2) NOT NULL,
  birthday date,
  bio text,
  preferences jsonb NOT NULL,
  balance numeric(12, 2) NOT NULL,
  active boolean NOT NULL,
  token uuid NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz
);
INSERT INTO users
SELECT i,
  lower(pick(ARRAY['anna','li','olga','mehmet','joão','fatima','sven','yuki','ravi','chloé'], i)) || '.' || i || '@' ||
    pick(ARRAY['example.com','mail.example.org','post.example.net'], i * 3),
  pick(ARRAY['Anna','李','Ольга','Mehmet','João','فاطمة','Sven','ゆき','Ravi','Chloé','Zoë','Ngọc'], i),
  pick(ARRAY['Müller','王','Иванова','Yılmaz','da Silva','العلي','Johansson','佐藤','Patel','O''Brien','García','Nguyễn'], i * 7),
  CASE WHEN i % 5 = 0 THEN pick(ARRAY['🦊 fox','👩‍👩‍👧 family','★ star ★','night 🌙 owl','x'], i * 11) END,
  CASE WHEN i % 3 > 0 THEN '+49 ' || (1500000000 + abs(hashint8(i * 13)) % 99999999)::text END,
  (1 + abs(hashint8(i)) % 200)::text || ' ' || pick(ARRAY['Main Street','Rue de la Paix','Hauptstraße','Via Roma','Calle Mayor'], i * 17),
  pick(ARRAY['Berlin','Paris','東京','İstanbul','São Paulo','Kraków','Malmö','القاهرة'], i * 19),
  pick(ARRAY['de','fr','jp','tr','br','pl','se','eg'], i * 19),
  date '1950-01-01' + (abs(hashint8(i * 23)) % 20000)::integer,
  CASE WHEN i % 4 > 0 THEN prose(i, 5 + (i % 40)::integer) END,
  jsonb_build_object('lang', pick(ARRAY['de','fr','ja','tr','pt'], i), 'newsletter', i % 2 = 0, 'theme', pick(ARRAY['dark','light'], i * 29),
    'tags', jsonb_build_array('t' || i % 10, 't' || i % 7), 'limits', jsonb_build_object('daily', i % 1000, 'hash', substr(md5(i::text), 1, 8))),
  (abs(hashint8(i * 31)) % 1000000)::numeric / 100,
  i % 11 > 0,
  md5('token' || i)::uuid,
  timestamptz '2020-01-01' + i * interval '37 seconds' + (abs(hashint8(i)) % 1000000) * interval '1 microsecond',
  CASE WHEN i % 2 = 0 THEN timestamptz '2024-01-01' + (abs(hashint8(i * 37)) % 50000000) * interval '1 second' END
FROM generate_series(1, (1500000 * :scale)::bigint) AS i;

CREATE TABLE orders (
  id bigint PRIMARY KEY,
  user_id bigint NOT NULL,
  status text NOT NULL,
  total_cents integer NOT NULL,
  currency char(3) NOT NULL,
  placed_at timestamp NOT NULL
);
INSERT INTO orders
SELECT i, 1 + abs(hashint8(i * 41)) % greatest(1, (1500000 * :scale)::bigint),
  pick(ARRAY['new','paid','packed','shipped','delivered','returned'], i * 43),
  abs(hashint8(i * 47)) % 50000,
  pick(ARRAY['EUR','USD','JPY'], i * 53),
  timestamp '2021-01-01' + i * interval '11 seconds'
FROM generate_series(1, (8000000 * :scale)::bigint) AS i;

CREATE TABLE events (
  id bigint PRIMARY KEY,
  user_id bigint NOT NULL,
  at timestamptz NOT NULL,
  kind text NOT NULL,
  payload json NOT NULL
);
INSERT INTO events
SELECT i, 1 + abs(hashint8(i * 59)) % greatest(1, (1500000 * :scale)::bigint),
  timestamptz '2022-01-01' + i * interval '9 seconds',
  pick(ARRAY['view','click','cart','login','logout','search'], i * 61),
  json_build_object('session', md5('s' || i / 20), 'path', '/p/' || abs(hashint8(i * 67)) % 20000,
    'ua', pick(ARRAY['Mozilla/5.0 (X11; Linux x86_64)','Mozilla/5.0 (iPhone; CPU iPhone OS 17_0)','curl/8.0'], i * 71),
    'ms', abs(hashint8(i * 73)) % 3000, 'q', CASE WHEN i % 6 = 0 THEN prose(i, 3) END)
FROM generate_series(1, (3000000 * :scale)::bigint) AS i;

CREATE TABLE documents (
  id bigint PRIMARY KEY,
  user_id bigint NOT NULL,
  title text NOT NULL,
  body text NOT NULL
);
INSERT INTO documents
SELECT i, 1 + abs(hashint8(i * 79)) % greatest(1, (1500000 * :scale)::bigint), prose(i, 6), prose(i * 83, 1200 + (i % 2500)::integer)
FROM generate_series(1, (80000 * :scale)::bigint) AS i;

CREATE UNIQUE INDEX users_email ON users (email);
CREATE INDEX users_country_city ON users (country, city);
CREATE INDEX users_created_at ON users (created_at);
CREATE INDEX orders_user_id ON orders (user_id);
CREATE INDEX orders_placed_at ON orders (placed_at);
CREATE INDEX events_user_id ON events (user_id);
CREATE INDEX documents_user_id ON documents (user_id);
ALTER TABLE orders ADD CONSTRAINT orders_user_fk FOREIGN KEY (user_id) REFERENCES users (id);
ALTER TABLE events ADD CONSTRAINT events_user_fk FOREIGN KEY (user_id) REFERENCES users (id);
ALTER TABLE documents ADD CONSTRAINT documents_user_fk FOREIGN KEY (user_id) REFERENCES users (id);
DROP FUNCTION prose(bigint, integer);
DROP FUNCTION pick(text[], bigint);
VACUUM ANALYZE;
CHECKPOINT;
