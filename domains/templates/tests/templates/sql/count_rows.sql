-- How many rows the room has. Leans on nothing: tests are small.
SELECT (SELECT count(*) FROM templates), (SELECT count(*) FROM template_versions), (SELECT count(*) FROM template_events)
