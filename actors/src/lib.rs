//! The living parts: mailboxes, timers, supervision. No SQL, no rules: those are in the rooms.
//!
//! ```text
//! root
//!  |- placement:<id>          IngestActor (group commit of new messages), LedgerActor (group commit of the rest)
//!  |- scheduler               pages due rows in, leases, sweeps, partitions
//!  |- receipts                verified webhooks -> ledger
//!  |- tenant:<id>             on demand, passivated when idle; owned through a lease (DEL-10)
//!  |   |- channel:<name>      the gate, retries, fallback; a bounded window of live deliveries (DEL-12)
//!  |   |- campaigns           bulk sends: counts them, feeds their rows, takes back what waits
//!  |- provider:<account id>   one lane: pace, limits, breaker, the call
//!  |- notifier                events to tenants' own webhook endpoints, one task for each
//! ```
//!
//! Each box is kept by a keeper (`keeper.rs`). What is in a mailbox may be lost; the rows are the truth.

mod campaigns;
pub mod delivery;
pub mod engine;
#[cfg(feature = "fault-injection")]
pub mod faults;
pub mod journal;
pub mod keeper;
pub mod metrics;
mod placements;
mod root;
mod tree;

pub use engine::{
    Accepted, ActorInfo, Cancellation, EngineApi, EngineError, Limit, RedriveReport, RedriveRequest, Seat,
};
pub use placements::{Placements, ProviderSource};
pub use root::{Engine, EngineParts, StartError, Tuning, start, webhook_client};
