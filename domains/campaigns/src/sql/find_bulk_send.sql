-- One bulk send. Leans on bulk_sends_pkey.
SELECT bulk_send_id, name_sealed, template_id, template_version, message_type, purpose, topic, channels, send_at, expires_at,
       per_second, state, row_count, duplicate_count, last_row_no, counted_to, policy_version, created_by, version, created_at,
       updated_at, counted_at, started_at, ended_at, track_links, track_opens
FROM bulk_sends
WHERE tenant_id = $1 AND bulk_send_id = $2
