-- One writer at a time for one person. Leans on the primary key.
SELECT recipient_id, merged_into
FROM recipients
WHERE tenant_id = $1 AND recipient_id = $2
FOR UPDATE
