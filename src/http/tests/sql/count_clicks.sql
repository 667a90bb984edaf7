-- The clicks that were kept.
SELECT count(*) FROM link_clicks
