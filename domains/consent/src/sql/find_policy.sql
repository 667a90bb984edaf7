-- One version of a tenant's policy. Leans on gate_policies_pkey.
SELECT version, body, state, created_at, created_by, activates_at
FROM gate_policies
WHERE tenant_id = $1 AND version = $2
