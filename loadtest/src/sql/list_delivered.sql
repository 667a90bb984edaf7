-- Messages that have arrived on a channel: delivered, opened, clicked or read. A scan, after the run.
SELECT DISTINCT message_id FROM deliveries WHERE tenant_id = ANY($1::uuid[]) AND state BETWEEN 60 AND 66
