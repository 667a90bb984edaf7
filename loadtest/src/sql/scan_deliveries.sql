-- Reads every delivery, as a report would that has no index.
SELECT count(*) FILTER (WHERE length(recipient_hash) > 0 AND failures >= 0) AS read FROM deliveries
