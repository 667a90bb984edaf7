-- What became of rows, unless something else did meanwhile. A verdict and a time that are not given stay; what failed has none. Leans on bulk_send_rows_pkey.
UPDATE bulk_send_rows AS line
SET state = news.state,
    due_at = coalesce(news.due_at, line.due_at),
    verdict = CASE WHEN news.verdict IS NULL AND news.error IS NULL THEN line.verdict ELSE news.verdict END,
    verdict_code = CASE WHEN news.verdict IS NULL AND news.error IS NULL THEN line.verdict_code ELSE news.verdict_code END,
    verdict_channel = CASE WHEN news.verdict IS NULL AND news.error IS NULL THEN line.verdict_channel ELSE news.verdict_channel END,
    verdicts = CASE WHEN news.verdict IS NULL AND news.error IS NULL THEN line.verdicts ELSE news.verdicts END,
    message_id = coalesce(news.message_id, line.message_id),
    error = news.error
FROM unnest($3::integer[], $4::smallint[], $5::timestamptz[], $6::smallint[], $7::text[], $8::smallint[], $9::jsonb[],
            $10::uuid[], $11::text[])
    AS news (row_no, state, due_at, verdict, verdict_code, verdict_channel, verdicts, message_id, error)
WHERE line.tenant_id = $1 AND line.bulk_send_id = $2 AND line.row_no = news.row_no AND line.state = ANY ($12::smallint[])
