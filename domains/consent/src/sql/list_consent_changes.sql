-- What changed for the gate since an instant, and for half a minute at least by the clock that stamps it. Leans on consent_changes_at.
SELECT tenant_id, change_id, channel, address_hash, what, at
FROM consent_changes
WHERE at >= least($1, clock_timestamp() - interval '30 seconds')
ORDER BY at, change_id
