-- Old and new rows of every table that is swept; the present is 2026-11-22T12:00Z, retention 90 days: 2026-08-24.
INSERT INTO idempotency_keys (tenant_id, key_hash, fingerprint, message_id, expires_at)
SELECT gen_random_uuid(), decode(md5(i::text), 'hex'), decode(md5(i::text), 'hex'), gen_random_uuid(),
       CASE WHEN i % 4000 = 0 THEN timestamptz '2026-11-22T12:00:01Z' ELSE timestamptz '2026-11-22T11:59:59Z' END
FROM generate_series(1, 40000) AS i;

INSERT INTO provider_refs (tenant_id, provider_account_id, provider_ref, message_id, channel, attempt_no)
SELECT gen_random_uuid(), gen_random_uuid(), 'ref-' || day || i, first_message_id(day), 1, 1
FROM unnest(ARRAY[timestamptz '2026-08-20T12:00Z', '2026-08-22T12:00Z', '2026-11-20T12:00Z']) AS day,
     generate_series(1, 3) AS i;

INSERT INTO parked_receipts (tenant_id, provider_account_id, provider_ref, receipt_key, receipt_status, received_at)
SELECT gen_random_uuid(), gen_random_uuid(), 'ref-' || day, '\x00', 1, day
FROM unnest(ARRAY[timestamptz '2026-11-15T11:59Z', '2026-11-15T12:01Z', '2026-11-22T12:00Z']) AS day;

-- The first was put into its inbox lately, however long ago its message had been handed in.
INSERT INTO in_app_messages (tenant_id, message_id, recipient_hash, delivered_at, payload_sealed)
SELECT gen_random_uuid(), first_message_id(timestamptz '2026-01-01'), '\x00', day, '\x00'
FROM unnest(ARRAY[timestamptz '2026-11-21T12:00Z', '2026-08-24T11:59Z', '2026-01-01T12:00Z']) AS day;

INSERT INTO inbound_messages (tenant_id, inbound_id, provider_account_id, provider_ref, channel, received_at,
                              sender_hash, payload_sealed)
SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'in-' || day, 1, day, '\x00', '\x00'
FROM unnest(ARRAY[timestamptz '2026-11-21T12:00Z', '2026-08-24T11:59Z']) AS day;

INSERT INTO links (tenant_id, token_hash, link_id, message_id, channel, recipient_hash, target_sealed, created_at,
                   expires_at)
SELECT gen_random_uuid(), '\x00', gen_random_uuid(), gen_random_uuid(), 1, '\x00', '\x00', '2026-08-01', day
FROM unnest(ARRAY[timestamptz '2026-11-22T12:00Z', '2026-11-22T12:01Z']) AS day;

INSERT INTO link_clicks (tenant_id, link_id, click_id, at)
SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), day
FROM unnest(ARRAY[timestamptz '2026-11-21T12:00Z', '2026-08-24T11:59Z']) AS day;
