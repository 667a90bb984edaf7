-- Writes down what a message from outside was understood as and whether it is to be answered; what was written first stands. Leans on inbound_messages_pkey.
UPDATE inbound_messages
SET reply = coalesce(reply, $3), is_answered = coalesce(is_answered, $4)
WHERE tenant_id = $1 AND inbound_id = $2
RETURNING reply, is_answered
