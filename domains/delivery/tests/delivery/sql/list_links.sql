-- A link as a dump shows it.
SELECT links::text FROM links
