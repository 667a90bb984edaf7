-- Appends entries to the history. Leans on delivery_events_pkey.
INSERT INTO delivery_events (tenant_id, message_id, event_id, channel, kind, at, attempt_no, state, reason, until,
                             failure_class, code, provider_account_id, waits, gate)
SELECT tenant_id, message_id, event_id, channel, kind, at, attempt_no, state, reason, until, failure_class, code,
       provider_account_id, waits, gate
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::smallint[], $5::smallint[], $6::timestamptz[], $7::smallint[],
            $8::smallint[], $9::smallint[], $10::timestamptz[], $11::smallint[], $12::text[], $13::uuid[],
            $14::jsonb[], $15::bytea[])
    AS event (tenant_id, message_id, event_id, channel, kind, at, attempt_no, state, reason, until, failure_class,
              code, provider_account_id, waits, gate)
