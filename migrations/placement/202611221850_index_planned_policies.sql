-- Policies that are to hold from a set instant on are looked for twice a second, over all tenants.
-- carepost_consent::PolicyState: 1 draft.
CREATE INDEX gate_policies_planned ON gate_policies (activates_at, tenant_id)
    WHERE state = 1 AND activates_at IS NOT NULL;
