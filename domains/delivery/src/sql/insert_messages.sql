-- Stores a batch of new messages of many tenants. Leans on messages_pkey.
INSERT INTO messages (tenant_id, message_id, created_at, purpose, priority, strategy, channels, scheduled_at,
                      expires_at, payload_sealed, api_key_id)
SELECT tenant_id, message_id, created_at, purpose, priority, strategy, channels, scheduled_at, expires_at,
       payload_sealed, api_key_id
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::smallint[], $5::smallint[], $6::smallint[], $7::bytea[],
            $8::timestamptz[], $9::timestamptz[], $10::bytea[], $11::uuid[])
    AS message (tenant_id, message_id, created_at, purpose, priority, strategy, channels, scheduled_at, expires_at,
                payload_sealed, api_key_id)
