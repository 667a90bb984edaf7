-- The partitions by day of this schema. Indexes: the catalogue's.
SELECT parent.relname::text AS table_name,
       part.relname::text AS name,
       to_date(right(part.relname, 8), 'YYYYMMDD') AS day,
       pg_total_relation_size(part.oid) AS size_bytes
FROM pg_inherits
JOIN pg_class part ON part.oid = inhrelid AND part.relkind = 'r'
JOIN pg_class parent ON parent.oid = inhparent AND parent.relkind = 'p'
JOIN pg_namespace space ON space.oid = parent.relnamespace
WHERE space.nspname = current_schema() AND part.relname ~ '_[0-9]{8}$'
ORDER BY 1, 3
