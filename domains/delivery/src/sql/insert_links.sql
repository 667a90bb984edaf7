-- Stores the short links and pixels of a batch of new messages. Leans on links_pkey.
INSERT INTO links (tenant_id, token_hash, link_id, message_id, channel, recipient_hash, target_sealed, created_at,
                   expires_at)
SELECT tenant_id, token_hash, link_id, message_id, channel, recipient_hash, target_sealed, created_at, expires_at
FROM unnest($1::uuid[], $2::bytea[], $3::uuid[], $4::uuid[], $5::smallint[], $6::bytea[], $7::bytea[],
            $8::timestamptz[], $9::timestamptz[])
    AS link (tenant_id, token_hash, link_id, message_id, channel, recipient_hash, target_sealed, created_at, expires_at)
