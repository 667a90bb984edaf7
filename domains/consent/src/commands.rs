//! What callers do.
