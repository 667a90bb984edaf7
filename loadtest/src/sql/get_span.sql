-- From the first message since an instant to the last end, in seconds. A scan, after the run.
SELECT extract(epoch FROM (SELECT max(finished_at) FROM deliveries WHERE tenant_id = ANY($1::uuid[]))
                        - (SELECT min(created_at) FROM messages
                           WHERE tenant_id = ANY($1::uuid[]) AND created_at >= $2::timestamptz))::float8 AS span_s
