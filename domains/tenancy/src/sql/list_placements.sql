-- All placements, the oldest first. Leans on nothing: there are few.
SELECT placement_id, kind, schema_name, url_sealed, created_at
FROM placements
ORDER BY placement_id
