-- A list has grown: it must be counted again. Leans on bulk_sends_pkey.
UPDATE bulk_sends
SET row_count = row_count + $3,
    duplicate_count = duplicate_count + $4,
    last_row_no = $7,
    state = $5,
    version = version + 1,
    updated_at = $6
WHERE tenant_id = $1 AND bulk_send_id = $2
