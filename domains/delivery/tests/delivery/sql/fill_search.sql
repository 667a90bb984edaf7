-- Two thousand messages of one tenant on a day that is over and as many of today, to forty recipients in turn.
INSERT INTO messages (tenant_id, message_id, created_at, purpose, priority, strategy, channels, expires_at,
                      payload_sealed)
SELECT '00000000-0000-0000-0000-00000000000a', first_message_id(at), at, 3, 3, 1, '\x01', at + interval '3 days', '\x00'
FROM unnest(ARRAY[timestamptz '2026-10-01T09:00Z', '2026-11-22T09:00Z']) AS morning,
     generate_series(1, 2000) AS i,
     LATERAL (SELECT morning + i * interval '1 second' AS at) AS instant;

INSERT INTO deliveries (tenant_id, message_id, channel, priority, state, reason, due_at, is_open, attempt_no, failures,
                        recipient_hash)
SELECT tenant_id, message_id, 1, 3, CASE WHEN extract(second FROM created_at) = 0 THEN 40 ELSE 60 END, NULL, created_at,
       false, 1, 0, decode(md5((extract(epoch FROM created_at)::bigint % 40)::text), 'hex')
FROM messages;

ANALYZE messages, deliveries;
