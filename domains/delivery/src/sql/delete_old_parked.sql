-- Forgets receipts that nothing was ever found for, in one stretch of the table. Leans on the rows' places (TID range scan).
DELETE FROM parked_receipts WHERE ctid >= $1::text::tid AND ctid < $2::text::tid AND received_at < $3
