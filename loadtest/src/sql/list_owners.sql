-- Who holds tenants by a lease that has not run out, and is alive: its lock (lock_instance.sql) is held.
WITH alive AS MATERIALIZED (
    SELECT (classid::bigint << 32) | objid::bigint AS lock_key
    FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
SELECT owner_id FROM tenant_leases
WHERE tenant_id = ANY($1::uuid[]) AND expires_at > now()
  AND EXISTS (SELECT FROM alive WHERE lock_key = hashtextextended(owner_id::text, 7310293))
