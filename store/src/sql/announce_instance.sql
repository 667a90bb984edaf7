-- Says where an instance is reached; forgets those that nobody has seen for long. By the database's clock, as all
-- instances' rows are. Index: primary key of instances.
WITH gone AS (
    DELETE FROM instances WHERE seen_at < now() - make_interval(secs => $4::double precision) AND instance_id <> $1::uuid
)
INSERT INTO instances (instance_id, address, is_leaving, seen_at)
VALUES ($1::uuid, $2::text, $3::boolean, now())
ON CONFLICT (instance_id) DO UPDATE
    -- Who leaves does not come back: a renewal that was on its way must not say so.
    SET address = EXCLUDED.address, is_leaving = instances.is_leaving OR EXCLUDED.is_leaving,
        seen_at = EXCLUDED.seen_at
