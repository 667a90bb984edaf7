//! Messages: taking them in, showing them, explaining them, taking them back, putting them back to work.

pub(super) mod act;
pub(super) mod batch;
pub(super) mod body;
pub(super) mod compose;
pub(super) mod create;
mod earlier;
pub(super) mod read;
pub(super) mod timeline;
pub(super) mod view;
