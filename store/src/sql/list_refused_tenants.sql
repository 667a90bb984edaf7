-- The tenants whose lease is not the one that the writer thinks it holds. Index: primary key of tenant_leases.
-- Runs behind share_gate.sql, in a statement of its own: its snapshot must be younger than the lock.
SELECT DISTINCT writer.tenant_id
FROM unnest($1::uuid[], $2::bigint[]) AS writer (tenant_id, epoch)
WHERE NOT EXISTS (
    SELECT FROM tenant_leases lease
    WHERE lease.tenant_id = writer.tenant_id AND lease.epoch = writer.epoch AND lease.owner_id = $3::uuid
)
