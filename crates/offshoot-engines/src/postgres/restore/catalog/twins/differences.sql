-- Pairs of an object and its twin: kinds, names, and names of the twins.
WITH pair AS (
  SELECT p.n, p.kind, p.found, p.twin
  FROM unnest($1::pg_catalog.text[], $2::pg_catalog.text[], $3::pg_catalog.text[]) WITH ORDINALITY p(kind, found, twin, n)),
relation AS MATERIALIZED (
  SELECT n, kind, found::pg_catalog.regclass::pg_catalog.oid AS found, twin::pg_catalog.regclass::pg_catalog.oid AS twin
  FROM pair WHERE kind IN ('table', 'sequence')),
type AS MATERIALIZED (
  SELECT p.n, p.kind, r AS found, w AS twin FROM (SELECT * FROM pair WHERE kind IN ('type', 'domain') OFFSET 0) p
  JOIN pg_catalog.pg_type r ON r.oid = p.found::pg_catalog.regtype JOIN pg_catalog.pg_type w ON w.oid = p.twin::pg_catalog.regtype),
attribute AS (
  SELECT n, kind, r AS found, w AS twin FROM relation
  JOIN pg_catalog.pg_attribute r ON r.attrelid = found AND r.attnum > 0 AND NOT r.attisdropped
  JOIN pg_catalog.pg_attribute w ON w.attrelid = twin AND w.attname = r.attname AND NOT w.attisdropped
  WHERE kind = 'table'),
-- A sequence, or that of an identity column.
sequence AS (
  SELECT n, found, twin, NULL::pg_catalog.text AS attname FROM relation WHERE kind = 'sequence'
  UNION ALL
  SELECT n, r.objid, w.objid, (a.found).attname::pg_catalog.text FROM attribute a
  JOIN pg_catalog.pg_depend r ON r.refobjid = (a.found).attrelid AND r.refobjsubid = (a.found).attnum
  JOIN pg_catalog.pg_depend w ON w.refobjid = (a.twin).attrelid AND w.refobjsubid = (a.twin).attnum
  WHERE r.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND r.refclassid = r.classid AND r.deptype = 'i'
    AND w.classid = r.classid AND w.refclassid = r.classid AND w.deptype = 'i'),
-- What a twin inherits is its parent's, and may be valid where that of the table is not.
made_with (n, found, twin) AS (
  SELECT n, k.oid, NULL::pg_catalog.oid FROM relation JOIN pg_catalog.pg_constraint k ON k.conrelid = found WHERE kind = 'table' AND k.contype = 'c'
  UNION ALL
  SELECT n, NULL, k.oid FROM relation JOIN pg_catalog.pg_constraint k ON k.conrelid = twin WHERE kind = 'table' AND k.contype = 'c' AND k.conislocal
  UNION ALL
  SELECT n, k.oid, NULL FROM type JOIN pg_catalog.pg_constraint k ON k.contypid = (found).oid WHERE k.contype = 'c'
  UNION ALL
  SELECT n, NULL, k.oid FROM type JOIN pg_catalog.pg_constraint k ON k.contypid = (twin).oid WHERE k.contype = 'c'),
checks AS (
  SELECT m.n, k.conname, pg_catalog.max(pg_catalog.pg_get_constraintdef(m.found)) AS found, pg_catalog.max(pg_catalog.pg_get_constraintdef(m.twin)) AS twin,
         pg_catalog.bool_or(m.found IS NOT NULL AND k.coninhcount > 0) AS is_inherited
  FROM made_with m JOIN pg_catalog.pg_constraint k ON k.oid = COALESCE(m.found, m.twin) GROUP BY m.n, k.conname)
SELECT n, 'column ' || (found).attname || ': its default or its generation is another one', NULL::pg_catalog.text FROM attribute
LEFT JOIN pg_catalog.pg_attrdef r ON r.adrelid = (found).attrelid AND r.adnum = (found).attnum
LEFT JOIN pg_catalog.pg_attrdef w ON w.adrelid = (twin).attrelid AND w.adnum = (twin).attnum
WHERE (found).attgenerated <> (twin).attgenerated
   OR pg_catalog.pg_get_expr(r.adbin, r.adrelid) IS DISTINCT FROM pg_catalog.pg_get_expr(w.adbin, w.adrelid)
UNION ALL
-- A partition has that of its table, from version 17 on.
SELECT n, 'column ' || (found).attname || ': its identity is another one', NULL FROM attribute
WHERE (found).attidentity <> (twin).attidentity
  AND NOT ((twin).attidentity = '' AND (SELECT c.relispartition FROM pg_catalog.pg_class c WHERE c.oid = (found).attrelid))
UNION ALL
SELECT n, 'column ' || (found).attname || ': its collation is another one', NULL FROM attribute WHERE (found).attcollation <> (twin).attcollation
UNION ALL
-- Not every version has each of them.
SELECT n, 'column ' || (found).attname || ': ' || s.what || ' is another one', NULL FROM attribute, LATERAL (VALUES
  ('attstattarget', 'its statistics target'), ('attstorage', 'its storage'), ('attcompression', 'its compression'),
  ('attoptions', 'an option'), ('attfdwoptions', 'an option for its server')) s (setting, what)
WHERE pg_catalog.to_jsonb(found) -> s.setting IS DISTINCT FROM pg_catalog.to_jsonb(twin) -> s.setting
UNION ALL
SELECT n, COALESCE('column ' || s.attname || ': the parameters of its sequence are others', 'its parameters are others'), NULL
FROM sequence s JOIN pg_catalog.pg_sequence r ON r.seqrelid = s.found JOIN pg_catalog.pg_sequence w ON w.seqrelid = s.twin
WHERE (r.seqtypid, r.seqstart, r.seqincrement, r.seqmax, r.seqmin, r.seqcache, r.seqcycle)
   <> (w.seqtypid, w.seqstart, w.seqincrement, w.seqmax, w.seqmin, w.seqcache, w.seqcycle)
UNION ALL
SELECT n, 'constraint ' || conname || CASE WHEN found IS NULL THEN ' is not there' WHEN twin IS NULL THEN ' is not in the snapshot'
         ELSE ': its definition is another one' END,
       CASE WHEN twin IS NULL THEN conname::pg_catalog.text END
FROM checks WHERE found IS DISTINCT FROM twin AND NOT (twin IS NULL AND is_inherited)
UNION ALL
SELECT n, 'its labels are others', NULL FROM type
WHERE ARRAY(SELECT e.enumlabel FROM pg_catalog.pg_enum e WHERE e.enumtypid = (found).oid ORDER BY e.enumsortorder)
   <> ARRAY(SELECT e.enumlabel FROM pg_catalog.pg_enum e WHERE e.enumtypid = (twin).oid ORDER BY e.enumsortorder)
UNION ALL
SELECT n, 'its attributes are others', NULL FROM type
WHERE ARRAY(SELECT (a.attname, a.atttypid, a.atttypmod, a.attcollation)::pg_catalog.text FROM pg_catalog.pg_attribute a
            WHERE a.attrelid = (found).typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)
   <> ARRAY(SELECT (a.attname, a.atttypid, a.atttypmod, a.attcollation)::pg_catalog.text FROM pg_catalog.pg_attribute a
            WHERE a.attrelid = (twin).typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)
UNION ALL
SELECT n, 'its type, its collation, its default or whether it may be null is another one', NULL FROM type
WHERE kind = 'domain' AND ((found).typbasetype, (found).typtypmod, (found).typcollation, (found).typnotnull,
         pg_catalog.pg_get_expr((found).typdefaultbin, 0))
  IS DISTINCT FROM ((twin).typbasetype, (twin).typtypmod, (twin).typcollation, (twin).typnotnull, pg_catalog.pg_get_expr((twin).typdefaultbin, 0))
ORDER BY 1, 2
