-- When an address was last let get messages again that had been kept from it for a reason. Leans on suppressions_lifted.
SELECT lifted_at
FROM suppressions
WHERE tenant_id = $1 AND address_hash = $2 AND channel = $3 AND reason = $4 AND lifted_at IS NOT NULL
ORDER BY lifted_at DESC
LIMIT 1
