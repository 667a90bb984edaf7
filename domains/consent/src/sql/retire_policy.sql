-- The active version of a tenant's policy holds no longer. Leans on gate_policies_active.
UPDATE gate_policies
-- carepost_consent::PolicyState: 2 active, 3 retired.
SET state = 3
WHERE tenant_id = $1 AND state = 2
RETURNING version
