-- A sign of life. No index.
SELECT 1
