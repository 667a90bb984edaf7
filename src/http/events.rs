//! A tenant's events: as a stream that is pushed, and as pages that are pulled.

pub(super) mod history;
pub(super) mod stream;
pub(super) mod view;
