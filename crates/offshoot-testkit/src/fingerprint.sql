-- Run by psql: the first part writes one query per object, \gexec runs each.
SET search_path TO pg_catalog;
SET TimeZone TO 'UTC';
SET DateStyle TO 'ISO, YMD';
SET IntervalStyle TO 'postgres';
SET extra_float_digits TO 3;
SET bytea_output TO 'hex';
SET xmloption TO 'content';
SET lc_monetary TO 'C';
SET row_security TO off;
SET statement_timeout TO 0;
SET quote_all_identifiers TO off;

-- Tables and materialized views. Values are told apart by format's %L (NULL bare, all else in quotes); long
-- ones enter as their digest, since a quoted gigabyte would not fit. format takes up to 99 arguments: 50 a call.
-- A table partitioned by hash counts as one, for where its rows lie may depend on the numbers of its types.
WITH hashed AS (
    SELECT partrelid FROM pg_partitioned_table WHERE partstrat = 'h'
), object AS (
    SELECT c.oid, c.relkind, n.nspname, c.relname, c.relispopulated
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE (c.relkind IN ('r', 'm') OR c.oid IN (SELECT partrelid FROM hashed)) AND c.relpersistence <> 't'
      AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
      AND NOT EXISTS (SELECT FROM pg_partition_ancestors(c.oid) AS up(oid) WHERE up.oid <> c.oid AND up.oid IN (SELECT partrelid FROM hashed))
), attribute AS (
    SELECT a.attrelid, a.attname, format_type(a.atttypid, a.atttypmod) AS kind,
        CASE WHEN t.typname IN ('text', 'varchar', 'bytea') AND t.typnamespace = 'pg_catalog'::regnamespace
             THEN format('md5(%I)', a.attname) ELSE quote_ident(a.attname) END AS value,
        row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attname COLLATE "C") AS place
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid IN (SELECT oid FROM object)
), part AS (
    SELECT attrelid, (place - 1) / 50 AS part,
        format('format(%L, %s)', string_agg('%L', ',' ORDER BY place), string_agg(value, ', ' ORDER BY place)) AS expression,
        string_agg(format('%I %s', attname, kind), ',' ORDER BY place) AS columns
    FROM attribute GROUP BY 1, 2
), whole AS (
    SELECT attrelid, string_agg(expression, ' || '','' || ' ORDER BY part) AS expression,
        string_agg(columns, ',' ORDER BY part) AS columns
    FROM part GROUP BY 1
)
SELECT CASE WHEN relkind = 'm' AND NOT relispopulated
    THEN format('SELECT %L', format('matview %I.%I not-populated', nspname, relname))
    ELSE format(
        'SELECT %L || count(*) || '' '' || md5(%L || coalesce(string_agg(h, '''' ORDER BY h COLLATE "C"), ''''))'
        ' FROM (SELECT md5(%s) AS h FROM %s %I.%I) AS digests',
        format('%s %I.%I ', CASE relkind WHEN 'm' THEN 'matview' ELSE 'table' END, nspname, relname),
        coalesce(columns, ''), coalesce(expression, ''''''), CASE relkind WHEN 'r' THEN 'ONLY' ELSE '' END, nspname, relname)
    END
FROM object LEFT JOIN whole ON attrelid = oid
ORDER BY relkind = 'm' DESC, nspname COLLATE "C", relname COLLATE "C"
\gexec

SELECT format('SELECT %L || '' '' || last_value || '' '' || is_called FROM %I.%I',
    format('sequence %I.%I %s %s %s %s %s %s', n.nspname, c.relname, format_type(s.seqtypid, NULL), s.seqstart,
        s.seqincrement, s.seqmin, s.seqmax, s.seqcycle),
    n.nspname, c.relname)
FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relpersistence <> 't' AND n.nspname !~ '^pg_'
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
\gexec

SELECT 'large-objects ' || count(*) || ' ' || md5(string_agg(oid || ' ' || md5(lo_get(oid)), ',' ORDER BY oid))
FROM pg_largeobject_metadata HAVING count(*) > 0;
