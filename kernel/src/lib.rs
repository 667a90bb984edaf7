//! The kernel: what every other crate stands on, without any IO.
//!
//! Purpose: typed ids, time, secrets that cannot be printed, seals (AES-256-GCM), error kinds,
//! pages, the retry policy, the reach of outward calls and the clearance that alone opens a provider.
//!
//! Invariants kept here:
//! - **DEL-8** [`clearance::Cleared`] can only come out of a full set of verdicts.
//! - **DEL-9** [`phi::Phi`] and [`phi::Secret`] have no `Display`; their `Debug` prints a type name.
//!
//! Deliberately absent: sockets, files, SQL, metrics, environment variables.

pub mod chain;
pub mod channel;
pub mod clearance;
pub mod clock;
pub mod content;
pub mod dice;
pub mod error;
pub mod id;
pub mod language;
pub mod name;
pub mod outcome;
pub mod page;
pub mod phi;
pub mod phi_handling;
pub mod provider_ref;
pub mod purpose;
pub mod reach;
pub mod retry;
pub mod seal;
pub mod segments;
pub mod topic;

pub use chain::Chain;
pub use channel::Channel;
pub use clearance::{Cleared, Verdict, Verdicts, WaitReason};
pub use clock::Clock;
pub use content::{Attachment, Content, EmailContent, InAppContent, SmsContent};
pub use dice::Dice;
pub use error::ErrorKind;
pub use id::{
    ApiKeyId, AuditEventId, BulkSendId, ConsentChangeId, ConsentEventId, ContactPointId, EventId, InboundId,
    InstanceId, LinkId, MergeId, MessageId, PlacementId, ProviderAccountId, RecipientId, SuppressionId, TemplateId,
    TenantId, WebhookEndpointId,
};
pub use language::Language;
pub use name::UnknownName;
pub use outcome::{AttemptRef, Failure, FailureClass, ReceiptStatus, SendOutcome};
pub use page::{Cursor, Page};
pub use phi::{Phi, Secret};
pub use phi_handling::PhiHandling;
pub use provider_ref::ProviderRef;
pub use purpose::{Priority, Purpose};
pub use reach::Reach;
pub use retry::RetryPolicy;
pub use seal::{DataKey, SealError};
pub use topic::Topic;
