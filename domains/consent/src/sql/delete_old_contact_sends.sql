-- Forgets what left before an instant, of all tenants. Leans on contact_sends_at.
DELETE FROM contact_sends WHERE at < $1
