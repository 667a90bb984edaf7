-- DEL-6: merges what receipts say into deliveries' states; lattice.rs has the rules. Leans on deliveries_pkey, delivery_events_pkey.
WITH news AS (
    -- One row for each delivery: the best of what counts for any attempt, and of what counts for its present one.
    SELECT held.tenant_id, held.message_id, held.channel,
           greatest(held.state,
                    max(receipt.state) FILTER (
                        WHERE receipt.state >= 60 OR (receipt.attempt_no = held.attempt_no AND decided.is_late IS NULL))
           )::smallint AS state,
           max(receipt.wait_until) AS wait_until
    FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::smallint[], $5::smallint[], $6::timestamptz[])
        AS receipt (tenant_id, message_id, channel, attempt_no, state, wait_until)
    JOIN deliveries AS held USING (tenant_id, message_id, channel)
    LEFT JOIN LATERAL (
        -- It waits for another try because of bad news of this very attempt: lesser news of it comes late.
        SELECT true AS is_late
        FROM delivery_events AS known
        WHERE held.state = 0
          AND receipt.state < 50
          AND known.tenant_id = held.tenant_id
          AND known.message_id = held.message_id
          AND known.channel = held.channel
          AND known.attempt_no = held.attempt_no
          AND known.kind = 4
          AND known.state = 50
        LIMIT 1
    ) AS decided ON true
    GROUP BY held.tenant_id, held.message_id, held.channel, held.state
)
UPDATE deliveries AS held
SET state = news.state,
    -- Bad news (50, 70) is for the engine to end: by another try, another channel, or for good.
    is_open = CASE WHEN news.state IN (50, 70) THEN true WHEN news.state > 50 THEN false ELSE held.is_open END,
    is_failed = news.state IN (50, 70),
    reason = CASE WHEN news.state IN (50, 70) THEN 1 WHEN news.state > 50 THEN NULL
                  WHEN news.state = 30 AND held.state = 20 THEN 12 ELSE held.reason END,
    -- Times are the engine's own ($7): a vendor's clock is only told in the history.
    due_at = CASE WHEN news.state IN (50, 70) THEN $7
                  WHEN news.state = 30 AND held.state = 20 THEN news.wait_until ELSE held.due_at END,
    finished_at = CASE WHEN news.state IN (50, 70) THEN NULL WHEN news.state > 50
                       THEN coalesce(held.finished_at, $7) ELSE held.finished_at END
FROM news
WHERE held.tenant_id = news.tenant_id
  AND held.message_id = news.message_id
  AND held.channel = news.channel
  AND news.state > held.state
RETURNING held.tenant_id, held.message_id, held.channel, held.state, held.is_open, held.attempt_no
