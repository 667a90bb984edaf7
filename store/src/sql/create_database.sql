-- The embedded server's database; outside any transaction.
CREATE DATABASE carepost
