//! The closed set of ways in which something fails. `src/http/error.rs` alone maps it to a status.

/// What a caller can do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The input is wrong; the same input will fail again.
    Invalid,
    /// No valid key or session.
    Unauthenticated,
    /// Known, but not allowed.
    Forbidden,
    /// No such thing for this tenant.
    NotFound,
    /// The present state does not allow it.
    Conflict,
    /// An idempotency key came back with another body.
    KeyReused,
    /// Larger than the limit.
    TooLarge,
    /// Over a quota of the tenant; try later.
    Throttled,
    /// Something we lean on is away; try later, nothing was lost.
    Unavailable,
    /// Our fault.
    Internal,
}
