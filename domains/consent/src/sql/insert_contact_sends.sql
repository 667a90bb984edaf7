-- Counts messages that left for their addresses; one that is counted already is passed over.
INSERT INTO contact_sends (tenant_id, channel, address_hash, message_id, at, purpose, is_exempt)
SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::bytea[], $4::uuid[], $5::timestamptz[], $6::smallint[], $7::boolean[])
ON CONFLICT DO NOTHING
