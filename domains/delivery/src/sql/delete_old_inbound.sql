-- Deletes messages from outside past retention, in one stretch of the table. Leans on the rows' places (TID range scan).
DELETE FROM inbound_messages WHERE ctid >= $1::text::tid AND ctid < $2::text::tid AND received_at < $3
