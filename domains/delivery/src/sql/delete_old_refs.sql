-- Forgets providers' ids of messages that are gone, in one stretch of the table. Leans on the rows' places (TID range scan).
DELETE FROM provider_refs
WHERE ctid >= $1::text::tid
  AND ctid < $2::text::tid
  AND message_id < first_message_id($3)
  -- Days past retention whose messages stay, because some of them are open: their receipts still come.
  AND NOT EXISTS (
      SELECT FROM unnest($4::date[]) AS held (day)
      WHERE message_id >= first_message_id(held.day::timestamp AT TIME ZONE 'UTC')
        AND message_id < first_message_id((held.day + 1)::timestamp AT TIME ZONE 'UTC')
  )
