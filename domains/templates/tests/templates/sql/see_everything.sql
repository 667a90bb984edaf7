-- What a tenant sees without asking for its own. Leans on nothing.
SELECT count(*) FROM templates
