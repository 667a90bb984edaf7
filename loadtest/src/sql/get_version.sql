-- PostgreSQL's version in words.
SELECT current_setting('server_version') AS version
