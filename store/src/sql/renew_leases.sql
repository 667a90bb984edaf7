-- Moves the end of those leases that an owner believes to hold. Index: primary key of tenant_leases.
-- What it has given back, or never knew of, runs out by itself. Locks in the order of the key, see claim_leases.sql.
WITH mine AS (
    SELECT tenant_id FROM tenant_leases
    WHERE owner_id = $1::uuid AND tenant_id = ANY ($3::uuid[])
    ORDER BY tenant_id FOR UPDATE
)
UPDATE tenant_leases lease SET expires_at = $2::timestamptz
FROM mine
WHERE lease.tenant_id = mine.tenant_id
RETURNING lease.tenant_id, lease.epoch
