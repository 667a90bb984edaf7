//! Outward delivery: one contract, many vendors.
//!
//! Invariants kept here:
//! - **DEL-5** a call whose bytes went out and whose answer did not come is `unknown`, never a plain failure.
//! - **DEL-7** a vendor's throttle is told apart from a failure, with the wait it asks for.
//! - **DEL-8** [`contract::Provider::send`] takes a [`carepost_kernel::Cleared`] and nothing else.
//! - **DEL-9** codes go up, texts of vendors and patients do not.
//!
//! Deliberately absent: queues, retries, limits, SQL. Each vendor has the same files: `config`, `request`,
//! `classify`, `receipts`, `inbound`.

pub mod contract;
pub mod email;
pub mod http;
pub mod in_app;
pub mod network;
pub mod registry;
pub mod simulator;
pub mod sms;

#[cfg(test)]
mod contract_tests;

pub use contract::{
    AccountConfig, ConfigError, InAppInbox, InAppItem, InAppUnavailable, InboundMessage, LookUpOutcome, Outbound,
    Provider, ReceiptEvent, Received, Shared, Vendor, WebhookError, WebhookRequest,
};
pub use registry::build;
