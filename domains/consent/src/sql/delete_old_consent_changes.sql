-- Forgets news from before an instant, of all tenants. Leans on consent_changes_at.
DELETE FROM consent_changes WHERE at < $1
