-- Records a placement whose schema is there already.
INSERT INTO placements (placement_id, kind, schema_name, url_sealed, created_at)
VALUES ($1, $2, $3, $4, $5)
