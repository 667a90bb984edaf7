-- Sessions of this database that are encrypted with TLS 1.3.
SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
WHERE datname = current_database() AND ssl AND version = 'TLSv1.3'
