-- Makes a bulk send. Leans on bulk_sends_pkey.
INSERT INTO bulk_sends (tenant_id, bulk_send_id, name_sealed, content_sealed, template_id, template_version,
                        message_type, purpose, topic, channels, send_at, expires_at, per_second, state, row_count,
                        duplicate_count, last_row_no, counted_to, policy_version, created_by, version, created_at, updated_at,
                        track_links, track_opens)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0, 0, 0, 0, 0, $15, 1, $16, $16, $17, $18)
