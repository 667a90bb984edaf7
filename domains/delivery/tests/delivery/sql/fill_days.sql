-- 200 tenants whose deliveries of today await receipts, five with something scheduled far ahead on each of 90 old days,
-- and one delivery of an old day that is due.
CREATE FUNCTION care.some_id(instant timestamptz) RETURNS uuid LANGUAGE sql AS $$
    SELECT overlay(care.first_message_id(instant)::text PLACING substr(gen_random_uuid()::text, 15) FROM 15)::uuid
$$;
CREATE TEMPORARY TABLE clinic AS SELECT i, md5(i::text)::uuid AS tenant_id FROM generate_series(1, 200) AS i;

INSERT INTO deliveries (tenant_id, message_id, channel, priority, state, reason, due_at, is_open, attempt_no, failures,
                        recipient_hash)
SELECT tenant_id, some_id('2026-11-22T11:00Z'), 1, 3, 30, 12, '2026-11-25T11:00Z', true, 1, 0, '\x00'
FROM clinic, generate_series(1, 20);

INSERT INTO deliveries (tenant_id, message_id, channel, priority, state, reason, due_at, is_open, attempt_no, failures,
                        recipient_hash)
SELECT tenant_id, some_id(timestamptz '2026-11-22T11:00Z' - day * interval '1 day'), 1, 3, 0, 3, '2027-03-01', true, 0,
       0, '\x00'
FROM clinic, generate_series(1, 89) AS day
WHERE i % 40 = 0;

INSERT INTO deliveries (tenant_id, message_id, channel, priority, state, reason, due_at, is_open, attempt_no, failures,
                        recipient_hash)
SELECT tenant_id, some_id('2026-10-01T11:00Z'), 2, 3, 0, 3, '2026-11-22T11:59Z', true, 0, 0, '\x00'
FROM clinic
WHERE i = 7;

ANALYZE deliveries;
