-- Whether a version of a tenant's policy holds, or from when on. Leans on gate_policies_pkey.
UPDATE gate_policies
SET state = $3, activates_at = $4
WHERE tenant_id = $1 AND version = $2
