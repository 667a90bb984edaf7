-- Ten thousand people of a practice with an address, consent, a message and a ward each; their hashes are their numbers.
INSERT INTO recipients (tenant_id, recipient_id, profile_sealed, kind, language, is_active, version, created_at, updated_at)
SELECT '$tenant', lpad(to_hex(number), 32, '0')::uuid, '\x00', 1, 'en', true, 1, '2026-11-22T12:00:00Z', '2026-11-22T12:00:00Z'
FROM generate_series(0, 9999) AS number;
INSERT INTO contact_points (tenant_id, contact_point_id, recipient_id, channel, address_hash, voice_hash, address_sealed, rank, is_active)
SELECT '$tenant', lpad(to_hex(number), 32, '0')::uuid, lpad(to_hex(number), 32, '0')::uuid, 1,
       decode(lpad(to_hex(number), 32, '0'), 'hex'), decode(lpad(to_hex(number + 65536), 32, '0'), 'hex'), '\x00', 0, true
FROM generate_series(0, 9999) AS number;
INSERT INTO consent_states (tenant_id, address_hash, channel, recipient_id, purpose, state, since)
SELECT '$tenant', decode(lpad(to_hex(number), 32, '0'), 'hex'), 1, lpad(to_hex(number), 32, '0')::uuid, 0, 1, '2026-11-22T12:00:00Z'
FROM generate_series(0, 9999) AS number;
INSERT INTO contact_sends (tenant_id, channel, address_hash, message_id, at, purpose, is_exempt)
SELECT '$tenant', 1, decode(lpad(to_hex(number), 32, '0'), 'hex'), lpad(to_hex(number), 32, '0')::uuid, '2026-11-22T11:00:00Z', 2, false
FROM generate_series(0, 9999) AS number;
INSERT INTO guardians (tenant_id, recipient_id, guardian_id, scope)
SELECT '$tenant', lpad(to_hex(number), 32, '0')::uuid, lpad(to_hex((number + 1) % 10000), 32, '0')::uuid, 1
FROM generate_series(0, 9999) AS number
