-- The certificate lies where PostgreSQL looks by default. Outside any transaction.
ALTER SYSTEM SET ssl = on
