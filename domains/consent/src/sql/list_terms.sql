-- Terms that somebody has accepted, the newest first. Leans on the primary key.
SELECT terms_version, language, source, actor_kind, actor_id, accepted_at
FROM consent_terms
WHERE tenant_id = $1 AND recipient_id = $2
ORDER BY accepted_at DESC, terms_version
