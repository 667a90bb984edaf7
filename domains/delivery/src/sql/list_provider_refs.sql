-- The attempts that providers' ids stand for. Leans on provider_refs_pkey.
SELECT wanted.ordinal, ref.message_id, ref.channel, ref.attempt_no
FROM unnest($1::integer[], $2::uuid[], $3::uuid[], $4::text[])
    AS wanted (ordinal, tenant_id, provider_account_id, provider_ref)
JOIN provider_refs AS ref USING (tenant_id, provider_account_id, provider_ref)
