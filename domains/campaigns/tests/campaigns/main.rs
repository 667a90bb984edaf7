//! The room on PostgreSQL.

mod engine;
mod support;
mod upload;
