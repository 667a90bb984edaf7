-- Statements that index the days before one by recipient where they are not; what a try that was cut off has left goes first. Indexes: the catalogue's.
WITH day AS (
    SELECT child.oid, child.relname AS name, child.relname || '_recipient' AS index_name
    FROM pg_inherits
    JOIN pg_class AS child ON child.oid = inhrelid
    WHERE inhparent = 'deliveries'::regclass
      AND child.relname ~ '_[0-9]{8}$'
      AND to_date(right(child.relname, 8), 'YYYYMMDD') < $1::date
), state AS (
    SELECT day.name, day.index_name, known.indisvalid AS is_valid
    FROM day
    LEFT JOIN (pg_index AS known JOIN pg_class AS index ON index.oid = known.indexrelid)
        ON known.indrelid = day.oid AND index.relname = day.index_name
)
SELECT name::text, 1 AS step, format('DROP INDEX CONCURRENTLY %I', index_name) AS statement
FROM state
WHERE NOT is_valid
UNION ALL
SELECT name::text, 2, format('CREATE INDEX CONCURRENTLY %I ON %I (tenant_id, recipient_hash, message_id)', index_name, name)
FROM state
WHERE is_valid IS NOT TRUE
ORDER BY 1, 2
