//! The room on PostgreSQL.

mod support;
mod upload;
