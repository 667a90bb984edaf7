-- Whether the embedded server's database is there. Indexes: the catalogue's.
SELECT 1 FROM pg_database WHERE datname = 'carepost'
