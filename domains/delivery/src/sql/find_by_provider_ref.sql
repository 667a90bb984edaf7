-- The delivery that a provider's own id belongs to. Leans on provider_refs_pkey.
SELECT message_id, channel
FROM provider_refs
WHERE tenant_id = $1 AND provider_account_id = $2 AND provider_ref = $3
