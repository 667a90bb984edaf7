-- Stores a new version of a tenant's policy as a draft; its number. Leans on gate_policies_pkey.
INSERT INTO gate_policies (tenant_id, version, body, state, created_at, created_by)
-- carepost_consent::PolicyState: 1 draft.
SELECT $1, coalesce(max(version), 0) + 1, $2, 1, $3, $4
FROM gate_policies
WHERE tenant_id = $1
RETURNING version
