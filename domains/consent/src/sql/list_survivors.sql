-- Which record stands for each of these. Leans on the primary key.
WITH RECURSIVE chain AS (
    SELECT one.recipient_id AS asked_id, one.recipient_id, one.merged_into
    FROM recipients AS one
    WHERE one.tenant_id = $1 AND one.recipient_id = ANY ($2)
    UNION ALL
    SELECT chain.asked_id, next.recipient_id, next.merged_into
    FROM chain
    JOIN recipients AS next ON next.tenant_id = $1 AND next.recipient_id = chain.merged_into
)
SELECT asked_id, recipient_id FROM chain WHERE merged_into IS NULL
