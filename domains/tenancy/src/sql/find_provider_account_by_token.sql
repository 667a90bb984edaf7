-- Whose webhook address this is. Leans on provider_accounts_webhook_token.
SELECT tenant_id, provider_account_id
FROM provider_accounts
WHERE webhook_token_hash = $1
