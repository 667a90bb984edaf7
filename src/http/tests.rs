//! The face as callers meet it, over a real database.

mod admin;
mod contract;
mod edges;
mod messages;
mod streams;
mod support;
mod templates;
mod webhooks;
