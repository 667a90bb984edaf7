-- The instances that are alive: seen of late, and their lock (lock_instance.sql) is held. No index: there are a handful.
WITH alive AS MATERIALIZED (
    SELECT (classid::bigint << 32) | objid::bigint AS lock_key
    FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
SELECT instance_id, address, is_leaving
FROM instances
WHERE seen_at > now() - make_interval(secs => $1::double precision)
  AND EXISTS (SELECT FROM alive WHERE lock_key = hashtextextended(instance_id::text, 7310293))
ORDER BY instance_id
