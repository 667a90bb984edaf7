-- Somebody has accepted terms; the first time stands.
INSERT INTO consent_terms
    (tenant_id, recipient_id, terms_version, wording_sealed, language, source, actor_kind, actor_id, accepted_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT DO NOTHING
