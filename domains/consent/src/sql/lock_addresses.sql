-- One writer at a time for what is said of an address, until this transaction ends. Leans on nothing.
-- Taken in the order of the keys, so that two writers of several addresses do not wait for each other.
SELECT pg_advisory_xact_lock(locked.key)
FROM (
    SELECT DISTINCT hashtextextended(concat($1::uuid, encode(one.address_hash, 'hex')), 7310299) AS key
    FROM unnest($2::bytea[]) AS one (address_hash)
    ORDER BY 1
) AS locked
