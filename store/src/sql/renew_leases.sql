-- Moves the end of an owner's leases. Index: primary key of tenant_leases, after a scan of that small table.
-- Locks in the order of the key, see claim_leases.sql.
WITH mine AS (
    SELECT tenant_id FROM tenant_leases WHERE owner_id = $1::uuid ORDER BY tenant_id FOR UPDATE
)
UPDATE tenant_leases lease SET expires_at = $2::timestamptz
FROM mine
WHERE lease.tenant_id = mine.tenant_id
RETURNING lease.tenant_id, lease.epoch
