CREATE SCHEMA "Quoted "" Schema";
CREATE EXTENSION hstore;
CREATE TYPE public.mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE public.pair AS (a int, m public.mood, ms public.mood[]);
CREATE DOMAIN public.pairs AS public.pair[] CHECK (cardinality(VALUE) < 100);
CREATE TYPE public.mood_range AS RANGE (subtype = public.mood);
CREATE TABLE public.types (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, m public.mood, ms public.mood[], p public.pair, ps public.pair[], d public.pairs,
    r public.mood_range, h public.hstore, hs public.hstore[], j jsonb, n numeric, b bytea, ts tstzrange[], i inet,
    g text GENERATED ALWAYS AS (n::text || '!') STORED);
INSERT INTO public.types (m, ms, p, ps, d, r, h, hs, j, n, b, ts, i)
SELECT 'ok', ARRAY['sad', NULL, 'happy']::public.mood[], ROW(i, 'ok', ARRAY['sad']::public.mood[])::public.pair,
       ARRAY[ROW(i, NULL, '{}'), NULL, ROW(NULL, 'happy', ARRAY[['ok'], ['sad']]::public.mood[])]::public.pair[],
       ARRAY[ROW(1, 'sad', NULL)]::public.pair[], '[sad,happy)', 'a=>1', ARRAY['b=>NULL'::public.hstore], '{"k": [1, "ü", null]}',
       i * 1.5, decode(repeat('00ff0a5c09', 1 + i % 3), 'hex'), ARRAY['[2020-01-01,)'::tstzrange], '::1'
FROM generate_series(1, 700) i;
INSERT INTO public.types (ps) SELECT array_agg(ROW(i, 'ok', ARRAY['sad', 'ok']::public.mood[])::public.pair) FROM generate_series(1, 9000) i;
CREATE TABLE public.as_text (a aclitem, r regclass, t text);
INSERT INTO public.as_text VALUES ('postgres=r/postgres', 'pg_catalog.pg_class', E'tab\there\nand \\N \\. \r'), (NULL, NULL, NULL), (NULL, NULL, '');
INSERT INTO public.as_text SELECT NULL, NULL, repeat(E'large\t\\' || i, 40000) FROM generate_series(1, 3) i;
CREATE TABLE public.nothing ();
INSERT INTO public.nothing DEFAULT VALUES;
INSERT INTO public.nothing DEFAULT VALUES;
CREATE TABLE public.only_generated (g int GENERATED ALWAYS AS (1) STORED);
INSERT INTO public.only_generated DEFAULT VALUES;
CREATE TABLE "Quoted "" Schema"."Table, with
newline" ("Column ""A""" int PRIMARY KEY, "b\c" text, gone int, "üñí" text);
INSERT INTO "Quoted "" Schema"."Table, with
newline" SELECT i, 'x', 1, 'y' FROM generate_series(1, 10) i;
ALTER TABLE "Quoted "" Schema"."Table, with
newline" DROP COLUMN gone;
CREATE TABLE public.hashed (m public.mood NOT NULL, id int NOT NULL, v text, PRIMARY KEY (m, id)) PARTITION BY HASH (m);
CREATE TABLE public.hashed_0 PARTITION OF public.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE public.hashed_1 PARTITION OF public.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO public.hashed SELECT (ARRAY['sad', 'ok', 'happy'])[1 + i % 3]::public.mood, i, 'v' || i FROM generate_series(1, 1000) i;
CREATE TABLE public.ranged (at date NOT NULL, id int NOT NULL, PRIMARY KEY (at, id)) PARTITION BY RANGE (at);
CREATE TABLE public.ranged_a PARTITION OF public.ranged FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE public.ranged_b PARTITION OF public.ranged DEFAULT;
CREATE INDEX ranged_id ON public.ranged (id);
INSERT INTO public.ranged SELECT '2020-06-01'::date + i, i FROM generate_series(1, 600) i;
CREATE TABLE public.refers (at date, id int, FOREIGN KEY (at, id) REFERENCES public.ranged (at, id));
INSERT INTO public.refers SELECT * FROM public.ranged LIMIT 50;
CREATE TABLE public.hen (id int PRIMARY KEY, egg int NOT NULL);
CREATE TABLE public.egg (id int PRIMARY KEY, hen int NOT NULL REFERENCES public.hen DEFERRABLE INITIALLY DEFERRED);
ALTER TABLE public.hen ADD CONSTRAINT from_egg FOREIGN KEY (egg) REFERENCES public.egg DEFERRABLE;
BEGIN;
INSERT INTO public.egg VALUES (1, 1);
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO public.hen VALUES (1, 1);
COMMIT;
ALTER TABLE public.hen ADD CONSTRAINT later CHECK (id > 5) NOT VALID;
ALTER TABLE public.egg ADD CONSTRAINT loose FOREIGN KEY (hen) REFERENCES public.hen NOT VALID;
CREATE TABLE public.parent (a int, b text DEFAULT 'b');
CREATE TABLE public.child (c int) INHERITS (public.parent);
INSERT INTO public.parent VALUES (1, 'p');
INSERT INTO public.child VALUES (2, 'c', 3);
CREATE TABLE public.booked (during tsrange, EXCLUDE USING gist (during WITH &&));
INSERT INTO public.booked VALUES ('[2020-01-01,2020-01-02)'), ('[2020-01-02,2020-01-03)');
CREATE TABLE public.keys (a int, b int, c text UNIQUE, CONSTRAINT "both" UNIQUE (b, a) INCLUDE (c) DEFERRABLE, CHECK (a <> b));
INSERT INTO public.keys SELECT i, -i, i::text FROM generate_series(1, 400) i;
ALTER TABLE public.keys ADD CONSTRAINT loosely UNIQUE NULLS NOT DISTINCT (a) WITH (fillfactor = 70);
ALTER TABLE public.keys CLUSTER ON keys_c_key;
CREATE INDEX keys_expression ON public.keys ((a + b), lower(c)) WHERE a > 5;
CREATE STATISTICS public.keys_stats ON a, b FROM public.keys;
CREATE UNLOGGED TABLE public.unlogged (a int);
INSERT INTO public.unlogged VALUES (1);
CREATE SEQUENCE public.counter START 5 INCREMENT 3;
SELECT nextval('public.counter'), nextval('public.counter');
CREATE SEQUENCE public.untouched;
CREATE FUNCTION public.twice(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i * 2';
CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a trigger ran'; END $$;
CREATE FUNCTION public.plus(int, int) RETURNS int LANGUAGE internal IMMUTABLE STRICT AS 'int4pl';
CREATE FUNCTION public.in_c() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE TYPE public.base;
CREATE FUNCTION public.base_in(cstring) RETURNS public.base LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION public.base_out(public.base) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE public.base (INPUT = public.base_in, OUTPUT = public.base_out, INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended);
CREATE TABLE public.of_base (id int PRIMARY KEY, v public.base, vs public.base[]);
INSERT INTO public.of_base SELECT i, public.base_in(textout('value ' || i)), '{"a,b",NULL}' FROM generate_series(1, 300) i;
INSERT INTO public.of_base VALUES (0, NULL, '{}');
CREATE PROCEDURE public.does_nothing() LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;
CREATE AGGREGATE public.total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE OPERATOR public.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);
CREATE TRIGGER touch BEFORE INSERT ON public.keys FOR EACH ROW EXECUTE FUNCTION public.touch();
CREATE RULE ruled AS ON DELETE TO public.keys DO INSTEAD NOTHING;
CREATE VIEW public.happy AS SELECT id, m FROM public.types WHERE m = 'ok';
CREATE MATERIALIZED VIEW public.second AS SELECT count(*) AS n FROM public.types;
CREATE MATERIALIZED VIEW public.first AS SELECT n + public.twice(1) AS n FROM public.second;
CREATE MATERIALIZED VIEW public.empty AS SELECT 1 AS n WITH NO DATA;
CREATE UNIQUE INDEX first_n ON public.first (n);
CREATE TABLE public.secured (owner_name text, v int);
INSERT INTO public.secured VALUES ('a', 1), ('b', 2);
ALTER TABLE public.secured ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.secured FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON public.secured USING (owner_name = current_user);
SELECT lo_from_bytea(7001, 'small'), lo_from_bytea(7002, decode(repeat('ab', 300000), 'hex')), lo_create(7003);
CREATE FUNCTION public.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;
CREATE EVENT TRIGGER watches ON ddl_command_end EXECUTE FUNCTION public.on_ddl();
COMMENT ON TABLE public.types IS 'it''s a comment';
COMMENT ON CONSTRAINT "both" ON public.keys IS 'both';
GRANT SELECT ON public.types TO PUBLIC;
REVOKE ALL ON FUNCTION public.twice(int) FROM PUBLIC;
