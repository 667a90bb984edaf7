-- Where the newest so many messages of a stretch begin; none: there are fewer. Leans on messages_pkey.
SELECT message_id
FROM messages
WHERE tenant_id = $1 AND message_id >= $2 AND message_id < $3
ORDER BY message_id DESC
OFFSET $4
LIMIT 1
