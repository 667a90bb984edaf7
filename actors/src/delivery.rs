//! The actors of the delivery room, and what they share.

pub(crate) mod attempt;
pub(crate) mod book;
pub(crate) mod channel;
pub(crate) mod floor;
pub mod hub;
pub mod in_app;
pub(crate) mod ingest;
pub(crate) mod lane;
pub(crate) mod ledger;
pub(crate) mod news;
pub(crate) mod notifier;
pub(crate) mod provider;
pub(crate) mod receipts;
pub(crate) mod replies;
pub(crate) mod scheduler;
pub(crate) mod shared;
pub(crate) mod suppressing;
pub(crate) mod tenant;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod turns;
pub(crate) mod uncertain;
