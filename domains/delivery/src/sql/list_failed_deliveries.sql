-- A page of failed deliveries for redrive, the oldest first, with filters that may be null; the last message comes whole. Leans on deliveries_failed, deliveries_pkey, messages_pkey.
SELECT failed.message_id, failed.channel, failed.state, failed.attempt_no
FROM deliveries AS failed
JOIN messages AS message USING (tenant_id, message_id)
WHERE failed.tenant_id = $1
  AND failed.is_failed
  AND NOT failed.is_open
  AND failed.message_id > $2
  AND failed.message_id < $3
  AND failed.state = ANY ($4)
  AND ($5::smallint IS NULL OR failed.channel = $5)
  AND ($6::text IS NULL OR failed.code = $6)
  -- Where channels come one after the other (strategy 1), one of them begins: none while another is at work or has
  -- reached the recipient, and the first of the plan where several match.
  AND (message.strategy <> 1 OR NOT EXISTS (
      SELECT FROM deliveries AS other
      WHERE other.tenant_id = failed.tenant_id
        AND other.message_id = failed.message_id
        AND other.channel <> failed.channel
        AND (other.is_open
             OR other.state IN (60, 62, 64, 66, 80)
             OR (other.is_failed
                 AND other.state = ANY ($4)
                 AND ($5::smallint IS NULL OR other.channel = $5)
                 AND ($6::text IS NULL OR other.code = $6)
                 AND position(set_byte('\x00'::bytea, 0, other.channel::integer) IN message.channels)
                     < position(set_byte('\x00'::bytea, 0, failed.channel::integer) IN message.channels)))
  ))
ORDER BY failed.message_id
FETCH FIRST $7 ROWS WITH TIES
