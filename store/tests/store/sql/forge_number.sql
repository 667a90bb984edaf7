-- As if a newer program had been here.
UPDATE care.carepost_migrations SET version = 209901010000
WHERE version = (SELECT max(version) FROM care.carepost_migrations)
