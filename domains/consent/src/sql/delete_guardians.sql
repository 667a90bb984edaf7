-- Takes guardians away. Leans on the primary key.
DELETE FROM guardians AS guardian
USING unnest($2::uuid[], $3::uuid[]) AS one (recipient_id, guardian_id)
WHERE guardian.tenant_id = $1 AND guardian.recipient_id = one.recipient_id AND guardian.guardian_id = one.guardian_id
