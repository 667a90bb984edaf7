//! The one integration binary: scenarios, and tests over the whole tree.

#![expect(clippy::unwrap_used, clippy::panic, reason = "all of this crate is tests, helpers included")]

mod campaigns_bulk_sends;
mod campaigns_pass_what_stands;
mod campaigns_survive_kills;
mod coverage_metrics;
mod dependencies;

// Tests over the whole tree and the schema.
mod coverage_columns;
mod coverage_inventory;
mod coverage_providers;
mod coverage_sql;
mod coverage_tenants;
mod coverage_traceability;
mod tidy;
mod tidy_logs;
mod tree;

// Scenarios over the real program.
mod commands_beside_a_server;
mod commands_stop_the_server;
mod consent_replies_tell;
mod consent_stop_holds_at_once;
mod dashboards;
mod delivery_batch_of_people;
mod delivery_by_each_ones_wish;
mod delivery_every_vendor;
mod delivery_failures;
mod delivery_no_call_without_a_trace;
mod delivery_one_key_one_message;
mod delivery_phi_stays_in;
mod delivery_survives_kills;
mod delivery_throttles;
mod delivery_unknown_is_an_outcome;
mod delivery_waits_with_a_name;
mod gate_every_way_in;
mod gate_policy_takes_effect;
mod gate_simulation_agrees;
mod guard_takes_the_deployments_dictionary;
mod http_bad_input;
mod http_samples_and_streams;
mod leases_one_owner;
mod leases_rolling_restart;
mod limits_and_floods;
mod metrics_are_recorded;
mod network_stays_outside;
mod receipts_converge;
mod support;
mod tenancy_isolation;
mod tenancy_two_database_servers;
mod webhooks_are_verified;
