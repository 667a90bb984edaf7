-- As the ledger leaves a delivery that was taken by a provider.
UPDATE deliveries SET attempt_no = 1, provider_account_id = $1
