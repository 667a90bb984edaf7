//! The face as callers meet it, over a real database.

mod addressed;
mod admin;
mod contract;
mod edges;
mod gate;
mod links;
mod messages;
mod opens;
mod preferences;
mod recipients;
mod routed;
mod streams;
pub(super) mod support;
mod templates;
mod webhooks;
