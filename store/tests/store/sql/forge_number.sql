-- As if a newer program had been here, and no other.
DELETE FROM care.carepost_migrations
WHERE version <> (SELECT max(version) FROM care.carepost_migrations);
UPDATE care.carepost_migrations SET version = 209901010000
