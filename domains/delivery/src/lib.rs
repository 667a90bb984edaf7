//! Room: the life of a message.
//!
//! Decides how a message is taken in, when it may leave, by which way, what follows from what came of it, and what is
//! written down. Invariants kept here: **DEL-1** (`ingest.rs`), **DEL-2** (`ingest.rs`), **DEL-3** (`explain.rs`),
//! **DEL-4** and **DEL-5** (`rules.rs`, `ledger.rs`), **DEL-6** (`lattice.rs`), **DEL-7** (`pace.rs`), **DEL-8**
//! (`gate.rs`), **DEL-9** (`prepare.rs`, `events.rs`), **DEL-11** (`fair_queue.rs`), **LNK-1** to **LNK-4** (`links.rs`).
//!
//! Deliberately absent: mailboxes, timers and calls (they live in `actors`), vendors (in `providers`).

pub mod breaker;
pub mod error;
pub mod events;
pub mod explain;
pub mod fair_queue;
pub mod gate;
pub mod ingest;
pub mod lattice;
pub mod ledger;
pub mod links;
pub mod metrics;
pub mod pace;
pub mod prepare;
pub mod rules;
pub mod store;
pub mod types;
pub mod webhook;

#[cfg(test)]
mod testing;

pub use error::DeliveryError;
pub use types::{
    Delivery, DeliveryEvent, DeliveryKey, DeliveryState, EventKind, NewMessage, Payload, Recipient, Strategy,
};
