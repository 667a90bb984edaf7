-- Keeps the moment at which a link was followed.
INSERT INTO link_clicks (tenant_id, link_id, click_id, at)
VALUES ($1, $2, $3, $4)
