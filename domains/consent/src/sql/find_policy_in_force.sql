-- The version of a tenant's policy that holds at an instant: a draft whose time has come, else the active one. Leans on gate_policies_pkey.
SELECT version, body, state, created_at, created_by, activates_at
FROM gate_policies
WHERE tenant_id = $1
  -- carepost_consent::PolicyState: 1 draft, 2 active.
  AND (state = 2 OR (state = 1 AND activates_at <= $2))
ORDER BY state, activates_at DESC, version DESC
LIMIT 1
