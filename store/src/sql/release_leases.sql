-- Gives leases back: they belong to nobody, whom no lock shows as alive. Index: primary key of tenant_leases.
-- The row stays, so that the epoch never starts again. Locks in the order of the key, see claim_leases.sql.
WITH mine AS (
    SELECT tenant_id FROM tenant_leases
    WHERE owner_id = $1::uuid AND tenant_id = ANY ($2::uuid[])
    ORDER BY tenant_id FOR UPDATE
)
UPDATE tenant_leases lease SET owner_id = '00000000-0000-0000-0000-000000000000'
FROM mine
WHERE lease.tenant_id = mine.tenant_id
