-- Refused to tenants.
SELECT url_sealed FROM placements
