-- Tenants with a draft whose time has come, of all tenants. Leans on gate_policies_planned.
SELECT DISTINCT tenant_id
FROM gate_policies
-- carepost_consent::PolicyState: 1 draft.
WHERE state = 1 AND activates_at <= $1
