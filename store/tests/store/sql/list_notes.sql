-- All notes that can be seen.
SELECT note FROM notes ORDER BY note
