-- Remembers which attempt a provider's id stands for. Leans on provider_refs_pkey.
INSERT INTO provider_refs (tenant_id, provider_account_id, provider_ref, message_id, channel, attempt_no)
SELECT tenant_id, provider_account_id, provider_ref, message_id, channel, attempt_no
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::smallint[], $6::smallint[])
    AS ref (tenant_id, provider_account_id, provider_ref, message_id, channel, attempt_no)
ON CONFLICT DO NOTHING
