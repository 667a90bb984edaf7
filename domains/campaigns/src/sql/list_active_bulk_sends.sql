-- What the engine has to work on for a tenant: first what is cancelled and what is counted, then what runs and whose time has come, the oldest first; what rests in the state that it is in takes no place. carepost_campaigns::BulkState counting (2), running (4), cancelling (6). Leans on bulk_sends_active.
SELECT bulk_send_id, name_sealed, template_id, template_version, message_type, purpose, topic, channels, send_at, expires_at,
       per_second, state, row_count, duplicate_count, last_row_no, counted_to, policy_version, created_by, version, created_at,
       updated_at, counted_at, started_at, ended_at, track_links, track_opens
FROM bulk_sends
WHERE tenant_id = $1 AND state IN (2, 4, 6) AND (state <> 4 OR send_at IS NULL OR send_at <= $2)
  AND NOT EXISTS (
      SELECT
      FROM unnest($4::uuid[], $5::smallint[]) AS resting (bulk_send_id, state)
      -- Of one that could not be read nobody knows the state.
      WHERE resting.bulk_send_id = bulk_sends.bulk_send_id AND (resting.state IS NULL OR resting.state = bulk_sends.state)
  )
ORDER BY CASE state WHEN 6 THEN 1 WHEN 2 THEN 2 ELSE 3 END, bulk_send_id
LIMIT $3
