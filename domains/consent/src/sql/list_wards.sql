-- For whom somebody answers. Leans on guardians_guardian.
SELECT recipient_id, guardian_id, scope, ends_on
FROM guardians
WHERE tenant_id = $1 AND guardian_id = $2
ORDER BY recipient_id
