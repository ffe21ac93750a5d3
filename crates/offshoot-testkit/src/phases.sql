-- One object for each phase of a restore. Functions named hold wait while somebody holds the advisory lock of their phase,
-- so that a test can stop a restore inside of it.
CREATE FUNCTION public.hold(i int, phase int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN PERFORM pg_catalog.pg_advisory_xact_lock_shared(phase); RETURN i; END $$;
CREATE DOMAIN public.held AS int CHECK (public.hold(VALUE, 1) IS NOT NULL);
CREATE TABLE public.parent (id int PRIMARY KEY, name text);
INSERT INTO public.parent SELECT i, 'name ' || i FROM generate_series(1, 2000) i;
CREATE TABLE public.t (id int PRIMARY KEY, held public.held, parent int REFERENCES public.parent, EXCLUDE USING btree ((public.hold(id, 3)) WITH =));
INSERT INTO public.t SELECT i, i, i FROM generate_series(1, 400) i;
CREATE INDEX held_index ON public.t (public.hold(id, 2));
CREATE MATERIALIZED VIEW public.m AS SELECT public.hold(id, 4) AS id FROM public.t;
CREATE VIEW public.v AS SELECT id FROM public.m;
CREATE SEQUENCE public.s;
SELECT nextval('public.s');
SELECT lo_from_bytea(7001, 'small'), lo_from_bytea(7002, decode(repeat('ab', 300000), 'hex'));
COMMENT ON TABLE public.t IS 'commented';
