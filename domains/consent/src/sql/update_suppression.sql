-- Lengthens one that is there, and keeps the address where nobody knew it. Leans on the primary key.
UPDATE suppressions
SET until = $3, address_sealed = coalesce(address_sealed, $4)
WHERE tenant_id = $1 AND suppression_id = $2
