-- Events of one tenant, one each ten minutes of a day, and a receipt of late for a message of two months ago.
INSERT INTO delivery_events (tenant_id, message_id, event_id, channel, kind, at, attempt_no)
SELECT '00000000-0000-0000-0000-00000000000a', first_message_id(at), first_message_id(at), 1, 2, at, 1
FROM generate_series(timestamptz '2026-11-21T11:00Z', '2026-11-22T11:00Z', interval '10 minutes') AS at;

INSERT INTO delivery_events (tenant_id, message_id, event_id, channel, kind, at, attempt_no)
VALUES ('00000000-0000-0000-0000-00000000000a', first_message_id('2026-09-22T11:00Z'),
        first_message_id('2026-11-22T10:59:30Z'), 1, 4, '2026-11-22T10:59:30Z', 1);
