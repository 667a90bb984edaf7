-- Deletes inboxes' messages past retention, in one stretch of the table. Leans on the rows' places (TID range scan).
DELETE FROM in_app_messages WHERE ctid >= $1::text::tid AND ctid < $2::text::tid AND delivered_at < $3
