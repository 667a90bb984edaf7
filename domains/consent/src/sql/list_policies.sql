-- A page of the versions of a tenant's policy, the newest first. Leans on gate_policies_pkey.
SELECT version, body, state, created_at, created_by, activates_at
FROM gate_policies
WHERE tenant_id = $1 AND version < $2
ORDER BY version DESC
LIMIT $3
