-- A delivery that waits, of the last millisecond of a day.
INSERT INTO care.deliveries (tenant_id, message_id, channel, priority, state, reason, due_at, is_open, attempt_no,
                             failures, recipient_hash)
SELECT gen_random_uuid(), care.first_message_id(($1::date + 1)::timestamp AT TIME ZONE 'UTC' - interval '1 ms'), 1, 3, 0,
       3, now(), true, 0, 0, ''
