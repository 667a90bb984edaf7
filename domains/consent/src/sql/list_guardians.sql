-- Who answers for people. Leans on the primary key.
SELECT recipient_id, guardian_id, scope, ends_on
FROM guardians
WHERE tenant_id = $1 AND recipient_id = ANY ($2)
ORDER BY recipient_id, guardian_id
