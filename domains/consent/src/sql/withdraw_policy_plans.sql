-- Drafts that were to hold later are mere drafts again. Leans on gate_policies_pkey.
UPDATE gate_policies
SET activates_at = NULL
-- carepost_consent::PolicyState: 1 draft.
WHERE tenant_id = $1 AND state = 1 AND activates_at IS NOT NULL
