-- Deletes links that lead nowhere any more, in one stretch of the table. Leans on the rows' places (TID range scan).
DELETE FROM links WHERE ctid >= $1::text::tid AND ctid < $2::text::tid AND expires_at <= $3
