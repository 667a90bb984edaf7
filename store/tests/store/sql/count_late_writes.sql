-- Writes that came after one with a higher epoch of the same tenant: none, if the fence holds.
SELECT count(*) FROM (
    SELECT epoch, max(epoch) OVER (PARTITION BY tenant_id ORDER BY write_no) AS highest FROM care.writes
) ordered WHERE epoch < highest
