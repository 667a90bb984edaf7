-- Forgets providers' ids of messages that are gone, in one stretch of the table. Leans on the rows' places (TID range scan).
DELETE FROM provider_refs
WHERE ctid >= $1::text::tid
  AND ctid < $2::text::tid
  AND message_id < $3
  -- Days past retention whose messages stay, because some of them are open: their receipts still come.
  AND NOT EXISTS (
      SELECT FROM unnest($4::uuid[], $5::uuid[]) AS held (first_id, end_id)
      WHERE message_id >= held.first_id AND message_id < held.end_id
  )
