-- A delivery that waits, of the first message of a day.
INSERT INTO care.deliveries (tenant_id, message_id, channel, state, reason, due_at, is_open, attempt_no, failures,
                             recipient_hash)
SELECT gen_random_uuid(), care.first_message_id(($1::date + 1)::timestamp AT TIME ZONE 'UTC' - interval '1 ms'), 1, 0, 3,
       now(), true, 0, 0, ''
