-- One parked receipt whose attempt is known, a minute old, below thirty of other software's; and an old one that is
-- known as well.
INSERT INTO provider_refs (tenant_id, provider_account_id, provider_ref, message_id, channel, attempt_no)
SELECT '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-00000000000b', ref, gen_random_uuid(), 1, 2
FROM unnest(ARRAY['ours', 'ours-and-old']) AS ref;

INSERT INTO parked_receipts (tenant_id, provider_account_id, provider_ref, receipt_key, receipt_status, received_at)
SELECT '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-00000000000b', ref, key, 1, came
FROM (
    -- Two receipts of one attempt are one match.
    SELECT 'ours' AS ref, decode('0' || i, 'hex') AS key, timestamptz '2026-11-22T11:59:00Z' AS came
    FROM generate_series(1, 2) AS i
    UNION ALL
    SELECT 'ours-and-old', '\x00', '2026-11-21T12:00:00Z'
    UNION ALL
    SELECT 'foreign-' || i, '\x00', '2026-11-22T11:59:30Z' FROM generate_series(1, 30) AS i
) AS parked;
