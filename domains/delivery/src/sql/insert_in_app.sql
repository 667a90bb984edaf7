-- Puts a message into a recipient's inbox, once. Leans on in_app_messages_pkey.
INSERT INTO in_app_messages (tenant_id, message_id, recipient_hash, delivered_at, payload_sealed)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING
