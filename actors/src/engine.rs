//! The engine's front: what handlers may ask of the actors. Cheap to clone.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;

use carepost_consent::types::AddressKey;
use carepost_delivery::store::RedriveFilter;
use carepost_delivery::types::{DeliveryEvent, NewMessage};
use carepost_kernel::{Channel, ErrorKind, MessageId, TenantId};
use carepost_providers::{InboundMessage, ReceiptEvent};
use carepost_tenancy::{ProviderAccount, TenantHandle};

use crate::keeper::Undelivered;

/// A message that is durable (DEL-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// The message: the new one, or the one that the idempotency key belongs to.
    pub message_id: MessageId,
    /// The key was used before, with the same body (DEL-2).
    pub replayed: bool,
}

/// A limit that was reached (DEL-12). The name stands in answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The tenant's admission rate.
    TenantRate,
    /// The tenant's waiting messages.
    TenantWaiting,
    /// The engine's queue of messages that are being stored.
    IngestQueue,
    /// A tenant's mailbox in the engine.
    Mailbox,
}

impl Limit {
    /// The name in answers and metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TenantRate => "tenant_rate",
            Self::TenantWaiting => "tenant_waiting",
            Self::IngestQueue => "ingest_queue",
            Self::Mailbox => "mailbox",
        }
    }
}

/// Why the engine did not do what was asked. Nothing was stored then, unless it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The idempotency key belongs to a message with another body.
    #[error("use idempotency key: it belongs to a message with another body")]
    KeyReused,
    /// Over a limit of the tenant: 429.
    #[error("admit message: over the limit {}", .limit.as_str())]
    Throttled {
        /// Which one.
        limit: Limit,
        /// When to come again.
        retry_after: Duration,
    },
    /// Over a limit of the engine: 503.
    #[error("serve request: over the limit {}", .limit.as_str())]
    Overloaded {
        /// Which one.
        limit: Limit,
        /// When to come again.
        retry_after: Duration,
    },
    /// Something that the engine leans on is away: 503.
    #[error("serve request: {reason}")]
    Unavailable {
        /// What is missing, in words for the caller.
        reason: &'static str,
        /// When to come again.
        retry_after: Duration,
    },
    /// The tenant is on its way to another process, or its actor is being rebuilt: 503, and soon over.
    #[error("serve request: {}", Self::MOVING)]
    Moving,
    /// No such message for this tenant.
    #[error("find message")]
    NotFound,
    /// Our fault; details are in the log.
    #[error("serve request: internal fault")]
    Internal,
}

impl EngineError {
    /// [`Self::Moving`] in words for the caller.
    pub const MOVING: &'static str = "the engine is restarting, or the tenant is moving to another process";

    /// What a caller can do about it.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::KeyReused => ErrorKind::KeyReused,
            Self::Throttled { .. } => ErrorKind::Throttled,
            Self::Overloaded { .. } | Self::Unavailable { .. } | Self::Moving => ErrorKind::Unavailable,
            Self::NotFound => ErrorKind::NotFound,
            Self::Internal => ErrorKind::Internal,
        }
    }

    /// When to come again, where that helps.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after, .. }
            | Self::Overloaded { retry_after, .. }
            | Self::Unavailable { retry_after, .. } => Some(*retry_after),
            Self::Moving => Some(Duration::from_secs(1)),
            Self::KeyReused | Self::NotFound | Self::Internal => None,
        }
    }
}

impl<M> From<Undelivered<M>> for EngineError {
    fn from(undelivered: Undelivered<M>) -> Self {
        match undelivered {
            Undelivered::Full(_) => Self::overloaded(Limit::Mailbox),
            Undelivered::Away(_) => Self::Moving,
        }
    }
}

/// What taking a message back came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancellation {
    /// Channels that will not be used any more.
    pub cancelled: Vec<Channel>,
}

/// A redrive: what is to be put back to work, and how fast.
#[derive(Debug, Clone)]
pub struct RedriveRequest {
    /// Which failed deliveries.
    pub filter: RedriveFilter,
    /// At most so many.
    pub limit: u32,
    /// Put back at most so many a second.
    pub per_second: u32,
    /// Only count.
    pub dry_run: bool,
}

/// What a redrive came to. Resume with the filter's `after` set to `last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedriveReport {
    /// Deliveries that match (dry run), or that were put back.
    pub count: u32,
    /// The last message that was looked at.
    pub last: Option<MessageId>,
    /// There are more.
    pub more: bool,
}

/// One actor in the tree, as `GET /api/v1/admin/actors` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActorInfo {
    /// Its place in the tree, for example `root/tenant:…/channel:sms`.
    pub path: String,
    /// The kind of actor, for example `ChannelActor`.
    pub kind: &'static str,
    /// `running`, `restarting`, `failed` or `stopped`.
    pub state: &'static str,
    /// Deaths since the start.
    pub restarts: u64,
    /// Messages in the mailbox or the actor's own queue.
    pub depth: usize,
}

/// Where a tenant lives, among several processes on one database (DEL-10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seat {
    /// In this process, or it may come here.
    Here,
    /// In the process with this base address.
    At(String),
}

/// What the actors are asked, as one interface that handlers and tests share.
#[async_trait::async_trait]
pub trait EngineApi: Send + Sync {
    /// Stores a message; answers when it is durable (DEL-1).
    ///
    /// # Errors
    /// See [`EngineError`].
    async fn enqueue(&self, tenant: &Arc<TenantHandle>, message: NewMessage) -> Result<Accepted, EngineError>;

    /// Stores many messages of one tenant; each stands for itself.
    async fn enqueue_many(
        &self,
        tenant: &Arc<TenantHandle>,
        messages: Vec<NewMessage>,
    ) -> Vec<Result<Accepted, EngineError>>;

    /// Takes back what has not left.
    ///
    /// # Errors
    /// See [`EngineError`].
    async fn cancel(&self, tenant: &Arc<TenantHandle>, message_id: MessageId) -> Result<Cancellation, EngineError>;

    /// Puts failed deliveries back to work.
    ///
    /// # Errors
    /// See [`EngineError`].
    async fn redrive(&self, tenant: &Arc<TenantHandle>, request: RedriveRequest) -> Result<RedriveReport, EngineError>;

    /// Merges verified receipts; answers when they are durable.
    ///
    /// # Errors
    /// See [`EngineError`].
    async fn receive(&self, account: &Arc<ProviderAccount>, receipts: Vec<ReceiptEvent>) -> Result<(), EngineError>;

    /// Stores verified messages from outside; answers when they are durable.
    ///
    /// # Errors
    /// See [`EngineError`].
    async fn receive_inbound(
        &self,
        account: &Arc<ProviderAccount>,
        inbound: Vec<InboundMessage>,
    ) -> Result<(), EngineError>;

    /// What is known of addresses has changed: in force here when this returns. What waits for them is looked at again.
    async fn consent_changed(&self, tenant_id: TenantId, keys: &[AddressKey]);

    /// The policy of a tenant's gate has changed: in force here when this returns.
    async fn policy_changed(&self, tenant_id: TenantId);

    /// Something of a tenant's bulk sends has changed: they are looked at now.
    async fn bulk_sends_changed(&self, tenant_id: TenantId);

    /// Where requests for a tenant are to go, as it was no longer ago than `max_age`.
    ///
    /// # Errors
    /// Where nobody can tell now.
    async fn seat(&self, tenant_id: TenantId, max_age: Duration) -> Result<Seat, EngineError>;

    /// A tenant's events as they become durable. Slow listeners miss some and read them from the history.
    fn listen(&self, tenant_id: TenantId) -> broadcast::Receiver<Arc<DeliveryEvent>>;

    /// The tree of actors.
    async fn actors(&self) -> Vec<ActorInfo>;
}
