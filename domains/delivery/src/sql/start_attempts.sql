-- DEL-4: writes down that calls are about to be made, and says which of them may be. Leans on deliveries_pkey.
WITH started AS (
    UPDATE deliveries AS held
    SET state = 10, reason = 11, attempt_no = attempt.attempt_no, provider_account_id = attempt.provider_account_id
    FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::smallint[], $5::uuid[], $6::uuid[], $7::timestamptz[],
                $8::jsonb[], $9::bytea[])
        AS attempt (tenant_id, message_id, channel, attempt_no, provider_account_id, event_id, at, waits, gate)
    WHERE held.tenant_id = attempt.tenant_id
      AND held.message_id = attempt.message_id
      AND held.channel = attempt.channel
      -- Each attempt starts once, whoever else may have had the same idea; nothing starts that has ended or arrived.
      -- Wrapped, so that deliveries_due is no candidate: on a young table it looks cheap, and reads all that is open.
      AND coalesce(held.is_open, false)
      AND held.attempt_no = attempt.attempt_no - 1
      AND held.state < 60
    RETURNING attempt.*
)
INSERT INTO delivery_events (tenant_id, message_id, event_id, channel, kind, at, attempt_no, state,
                             provider_account_id, waits, gate)
SELECT tenant_id, message_id, event_id, channel, 2, at, attempt_no, 10, provider_account_id, waits, gate
FROM started
RETURNING message_id, channel
