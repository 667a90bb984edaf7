-- Changes all keys that it can see.
UPDATE api_keys SET name = 'renamed'
