-- Takes the leases that are free, ours, run out or of a dead owner. Index: primary key of tenant_leases.
-- Runs behind lock_gate.sql. Rows are locked in the order of their key, as everywhere, so that nobody deadlocks.
WITH alive AS MATERIALIZED (
    -- The instances whose lock (lock_instance.sql) is held in this database.
    SELECT (classid::bigint << 32) | objid::bigint AS lock_key
    FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
), wanted AS (
    SELECT DISTINCT tenant_id FROM unnest($1::uuid[]) AS tenant_id ORDER BY tenant_id
)
INSERT INTO tenant_leases AS lease (tenant_id, owner_id, epoch, expires_at)
SELECT tenant_id, $2::uuid, 1, $4::timestamptz FROM wanted
ON CONFLICT (tenant_id) DO UPDATE SET
    owner_id = EXCLUDED.owner_id,
    epoch = CASE WHEN lease.owner_id = EXCLUDED.owner_id THEN lease.epoch ELSE lease.epoch + 1 END,
    expires_at = EXCLUDED.expires_at
WHERE lease.owner_id = EXCLUDED.owner_id
   OR lease.expires_at <= $3::timestamptz
   OR NOT EXISTS (SELECT FROM alive WHERE lock_key = hashtextextended(lease.owner_id::text, 7310293))
RETURNING lease.tenant_id, lease.epoch
