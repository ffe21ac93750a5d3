-- The shop's types, tables and functions: what a dump calls pre-data. Runs on PostgreSQL 12 and newer.
SELECT current_setting('server_version_num')::int >= 140000 AS has_multiranges,
       current_setting('server_version_num')::int >= 180000 AS has_virtual_columns \gset
SET check_function_bodies TO on;

-- Roles belong to the cluster, and several shops may be made in one at the same moment.
DO $$ BEGIN
    CREATE ROLE shop_reader NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
DO $$ BEGIN
    CREATE ROLE "shop clerk" NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;

CREATE SCHEMA shop;
COMMENT ON SCHEMA shop IS 'What is sold, to whom, and where it is — 商店 🛒';
CREATE SCHEMA "Büro & ""Lager""";

-- Types ---------------------------------------------------------------------------------------------------

CREATE TYPE shop.order_state AS ENUM ('new', 'paid', 'shipped', 'returned', 'with "quotes", and comma', 'キャンセル', '');
ALTER TYPE shop.order_state ADD VALUE 'packed' AFTER 'paid';
CREATE TYPE shop.ticket_kind AS ENUM ('question', 'complaint', 'praise', 'lost parcel', '🙏');
CREATE TYPE shop.currency AS ENUM ('EUR', 'USD', 'JPY', 'INR', 'ISK');
CREATE TYPE shop.price AS (amount numeric(14, 4), currency shop.currency);
CREATE TYPE shop.parcel AS (size float4[], price shop.price, note text);
CREATE TYPE shop.float_span AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE DOMAIN shop.email AS text CHECK (VALUE ~ '^[^@[:space:]]+@[^@[:space:]]+$');
CREATE DOMAIN shop.work_email AS shop.email CONSTRAINT ours CHECK (VALUE LIKE '%@shop.example');
CREATE DOMAIN shop.tags AS text[] CHECK (array_length(VALUE, 1) < 50);
CREATE DOMAIN shop.sku AS varchar(40) COLLATE "C" NOT NULL DEFAULT 'none';
COMMENT ON TYPE shop.price IS 'An amount never goes without its currency';

-- Functions -----------------------------------------------------------------------------------------------

-- A number in [0, 1) that depends on its arguments alone, in every version and on every machine.
CREATE FUNCTION shop.dice(label text, number bigint) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT ('x' || substr(md5(label || number), 1, 8))::bit(32)::bigint / 4294967296.0::float8 $$;

-- One of `items`, the earlier the likelier: few values are common and many are rare, as in life.
CREATE FUNCTION shop.pick(items text[], dice float8) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT items[1 + floor(cardinality(items) * dice * dice)::int] $$;

CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    NEW.changed_at := timestamptz '2026-01-01 00:00+00';
    RETURN NEW;
END
$body$;

CREATE FUNCTION shop.shout() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    NEW.title := upper(NEW.title);  -- running this on restored rows would show
    RETURN NEW;
END
$body$;

CREATE FUNCTION shop.note_changes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = shop AS $body$
BEGIN
    INSERT INTO audit (what, how_many) SELECT TG_TABLE_NAME || ' ' || TG_OP, count(*) FROM changed;
    RETURN NULL;
END
$body$;

CREATE FUNCTION shop.in_euro(price shop.price) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE (price).currency WHEN 'EUR' THEN (price).amount WHEN 'USD' THEN (price).amount * 0.9
        WHEN 'JPY' THEN (price).amount * 0.006 WHEN 'INR' THEN (price).amount * 0.011 ELSE (price).amount * 0.0067 END
$$;
CREATE FUNCTION shop.longer(text, text) RETURNS text LANGUAGE sql IMMUTABLE STRICT
AS $$ SELECT CASE WHEN length($1) >= length($2) THEN $1 ELSE $2 END $$;
CREATE AGGREGATE shop.longest(text) (SFUNC = shop.longer, STYPE = text);
CREATE FUNCTION shop.same_euro(shop.price, shop.price) RETURNS boolean LANGUAGE sql IMMUTABLE
AS $$ SELECT shop.in_euro($1) = shop.in_euro($2) $$;
CREATE OPERATOR shop.=~= (LEFTARG = shop.price, RIGHTARG = shop.price, FUNCTION = shop.same_euro, COMMUTATOR = OPERATOR(shop.=~=));
CREATE TEXT SEARCH CONFIGURATION shop.plain (COPY = simple);
CREATE COLLATION shop.bytewise (LOCALE = 'C');

-- People --------------------------------------------------------------------------------------------------

CREATE TABLE shop.customer (
    id bigint GENERATED ALWAYS AS IDENTITY (START WITH 1000 INCREMENT BY 7) PRIMARY KEY,
    given_name text NOT NULL,
    family_name text,
    nickname varchar(30),
    email shop.email UNIQUE,
    phone char(20),
    born date,
    gone_column integer,
    main_address_id integer,
    invited_by bigint REFERENCES shop.customer DEFERRABLE INITIALLY IMMEDIATE,
    settings jsonb NOT NULL DEFAULT '{}',
    tags shop.tags,
    balance shop.price,
    score real,
    ratio double precision,
    seen_from inet,
    joined_at timestamptz NOT NULL,
    changed_at timestamptz,
    full_name text GENERATED ALWAYS AS (given_name || coalesce(' ' || family_name, '')) STORED,
    CONSTRAINT "born before today, or never" CHECK (born IS NULL OR born < '2026-01-01' OR born = 'infinity')
);
ALTER TABLE shop.customer DROP COLUMN gone_column;
COMMENT ON COLUMN shop.customer.nickname IS 'May be empty, which is not the same as unknown';

CREATE TABLE shop.address (
    id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL,
    lines text[] NOT NULL,
    city text COLLATE shop.bytewise,
    country char(2),
    place point,
    area polygon
);

CREATE TABLE shop.employee (
    id smallserial PRIMARY KEY,
    boss_id smallint REFERENCES shop.employee (id) ON DELETE SET NULL,
    name text NOT NULL,
    email shop.work_email,
    works_during tstzrange,
    badge uuid,
    card macaddr8,
    hours interval
);

CREATE TABLE shop.note (
    id serial PRIMARY KEY,
    employee_id smallint REFERENCES shop.employee,
    body text NOT NULL,
    is_secret boolean NOT NULL DEFAULT false
);
ALTER TABLE shop.note ENABLE ROW LEVEL SECURITY;
CREATE POLICY open_ones ON shop.note FOR SELECT TO shop_reader USING (NOT is_secret);

-- Goods ---------------------------------------------------------------------------------------------------

CREATE TABLE shop.category (
    id integer PRIMARY KEY,
    parent_id integer REFERENCES shop.category,
    name text NOT NULL,
    UNIQUE (parent_id, name) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE shop.product (
    id serial PRIMARY KEY,
    sku shop.sku NOT NULL,
    title text NOT NULL,
    category_id integer REFERENCES shop.category ON UPDATE CASCADE,
    price shop.price NOT NULL,
    parcels shop.parcel[],
    weight_kg numeric,
    sizes int4range,
    tolerance shop.float_span,
    attributes jsonb,
    original json,
    photo bytea,
    photo_hash bytea,
    flags bit varying(16),
    grid integer[][],
    words tsvector GENERATED ALWAYS AS (to_tsvector('simple', title)) STORED,
    on_sale daterange
);

CREATE TABLE shop.review (
    product_id integer NOT NULL REFERENCES shop.product,
    customer_id bigint NOT NULL REFERENCES shop.customer,
    stars smallint CHECK (stars BETWEEN 0 AND 5),
    title text,
    body text,
    PRIMARY KEY (product_id, customer_id)
);

-- Orders: by range, with a default partition and one that is split again ------------------------------------

CREATE TABLE shop."order" (
    id bigint NOT NULL,
    placed_on date NOT NULL,
    customer_id bigint NOT NULL,
    state shop.order_state NOT NULL DEFAULT 'new',
    comment text,
    PRIMARY KEY (id, placed_on)
) PARTITION BY RANGE (placed_on);
CREATE SEQUENCE shop.order_number AS bigint START 100000 INCREMENT 3 CACHE 10 OWNED BY shop."order".id;
ALTER TABLE shop."order" ALTER id SET DEFAULT nextval('shop.order_number');
CREATE TABLE shop.order_2023 PARTITION OF shop."order" FOR VALUES FROM (MINVALUE) TO ('2024-01-01');
-- Columns in another order than the parent's, as after an ATTACH.
CREATE TABLE shop.order_2024 (comment text, state shop.order_state NOT NULL DEFAULT 'new', gone text,
    customer_id bigint NOT NULL, placed_on date NOT NULL, id bigint NOT NULL);
ALTER TABLE shop.order_2024 DROP COLUMN gone;
ALTER TABLE shop."order" ATTACH PARTITION shop.order_2024 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE shop.order_2025 PARTITION OF shop."order" FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY RANGE (placed_on);
CREATE TABLE shop.order_2025_h1 PARTITION OF shop.order_2025 FOR VALUES FROM ('2025-01-01') TO ('2025-07-01');
CREATE TABLE shop.order_2025_h2 PARTITION OF shop.order_2025 FOR VALUES FROM ('2025-07-01') TO ('2026-01-01');
CREATE TABLE shop.order_other PARTITION OF shop."order" DEFAULT;

CREATE TABLE shop.order_line (
    order_id bigint NOT NULL,
    placed_on date NOT NULL,
    line smallint NOT NULL,
    product_id integer NOT NULL,
    quantity integer NOT NULL CHECK (quantity <> 0),
    each numeric(12, 4) NOT NULL,
    total numeric GENERATED ALWAYS AS (each * quantity) STORED,
    PRIMARY KEY (order_id, line)
);
-- A table's later columns have no bytes in its earlier rows.
ALTER TABLE shop.order_line ADD COLUMN gift boolean NOT NULL DEFAULT false;

-- By list, and by the hash of an enum: such rows must not be assigned by hash values computed elsewhere.
CREATE TABLE shop.stock (
    warehouse text,
    product_id integer NOT NULL,
    amount integer,
    counted_at timestamp
) PARTITION BY LIST (warehouse);
CREATE TABLE shop.stock_north PARTITION OF shop.stock FOR VALUES IN ('oslo', 'Ísafjörður');
CREATE TABLE shop.stock_none PARTITION OF shop.stock FOR VALUES IN (NULL, '');
CREATE TABLE shop.stock_rest PARTITION OF shop.stock DEFAULT;

CREATE TABLE shop.ticket (
    id bigint GENERATED BY DEFAULT AS IDENTITY,
    kind shop.ticket_kind NOT NULL,
    customer_id bigint,
    body text,
    closed boolean,
    PRIMARY KEY (id, kind)
) PARTITION BY HASH (kind);
CREATE TABLE shop.ticket_0 PARTITION OF shop.ticket FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE shop.ticket_1 PARTITION OF shop.ticket FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE shop.ticket_2 PARTITION OF shop.ticket FOR VALUES WITH (MODULUS 3, REMAINDER 2);
CREATE PROCEDURE shop.close_ticket(number bigint) LANGUAGE sql
AS $$ UPDATE shop.ticket SET closed = true WHERE id = number $$;

-- Oddments ------------------------------------------------------------------------------------------------

CREATE TABLE shop.page_view (page text, at timestamp(3), visitor inet, millis integer);
COMMENT ON TABLE shop.page_view IS 'No key at all, and rows that are equal in every column';
CREATE UNLOGGED TABLE shop.session_cache (token uuid PRIMARY KEY, data jsonb, until timestamptz);
CREATE TABLE shop.audit (id bigserial, what text, how_many bigint);
CREATE TABLE shop.booking (
    room integer NOT NULL,
    during tsrange NOT NULL,
    EXCLUDE USING gist (int4range(room, room, '[]') WITH &&, during WITH &&)
);
CREATE TABLE shop.document (key text COLLATE "C" PRIMARY KEY, body text, raw bytea, extra jsonb, tree xml);
CREATE TABLE shop.edge_case (
    name text PRIMARY KEY,
    text_value text, varchar_value varchar(10), char_value char(5), int_value bigint, numeric_value numeric,
    real_value real, double_value double precision, date_value date, timestamp_value timestamp,
    timestamptz_value timestamptz, time_value time, timetz_value timetz, interval_value interval,
    jsonb_value jsonb, bytea_value bytea, array_value text[], box_value box
);
CREATE TABLE shop.empty_table (id integer PRIMARY KEY, value text);
CREATE TABLE shop.no_columns ();
CREATE TABLE "Büro & ""Lager"""."Regal ""A"" – größte Körbe, kein Tisch; xxxxxxxxxxxxxxxxxxxx" ("ключ ""№"" с пробелами yyyyyyyyyyyyyyyyyyyyyyyyyy" integer PRIMARY KEY, "select" text, "Größe (cm)" numeric, " " text, "a.b" text, "tab	newline
" text);

CREATE TABLE shop.contact (id integer NOT NULL, name text, since date DEFAULT '2020-02-29');
CREATE TABLE shop.located (latitude float8, longitude float8);
CREATE TABLE shop.supplier (PRIMARY KEY (id), products integer[]) INHERITS (shop.contact, shop.located);
CREATE TABLE shop.special_supplier (discount numeric) INHERITS (shop.supplier);

CREATE SEQUENCE shop.countdown AS smallint INCREMENT -5 MINVALUE -100 MAXVALUE 100 START 100 CYCLE;
CREATE SEQUENCE shop.never_used;

\if :has_multiranges
CREATE TABLE shop.opening (day integer PRIMARY KEY, hours nummultirange, closed datemultirange[]);
CREATE FUNCTION shop.vat(amount numeric) RETURNS numeric LANGUAGE sql IMMUTABLE RETURN round(amount * 0.19, 2);
\endif
\if :has_virtual_columns
CREATE TABLE shop.parcel_label (id integer PRIMARY KEY, width_mm integer, height_mm integer,
    area_mm2 bigint GENERATED ALWAYS AS (width_mm::bigint * height_mm) VIRTUAL);
\endif
