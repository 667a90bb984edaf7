-- All that follows from a message from outside was done, once; then the message that it answers is told so. Leans on inbound_messages_pkey.
WITH finished AS (
    UPDATE inbound_messages
    SET handled_at = $3
    WHERE tenant_id = $1 AND inbound_id = $2 AND handled_at IS NULL
    RETURNING tenant_id, channel, reply
), told AS (
    INSERT INTO delivery_events (tenant_id, message_id, event_id, channel, kind, at, attempt_no, code)
    -- carepost_delivery::EventKind: replied.
    SELECT tenant_id, $4::uuid, $6::uuid, channel, 12, $3, $5::smallint, reply
    FROM finished
    WHERE $4::uuid IS NOT NULL AND reply IS NOT NULL
    RETURNING code
)
SELECT code FROM told
