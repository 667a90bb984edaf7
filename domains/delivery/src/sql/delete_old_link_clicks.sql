-- Deletes clicks past retention, in one stretch of the table. Leans on the rows' places (TID range scan).
DELETE FROM link_clicks WHERE ctid >= $1::text::tid AND ctid < $2::text::tid AND at < $3
