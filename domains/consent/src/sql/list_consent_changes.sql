-- What changed for the gate since an instant, of all tenants. Leans on consent_changes_at.
SELECT tenant_id, change_id, channel, address_hash, what, at
FROM consent_changes
WHERE at >= $1
ORDER BY at, change_id
