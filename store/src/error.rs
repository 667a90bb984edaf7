//! The one error of the store. A chain that ends here is safe to print (DEL-9).
//!
//! `tokio_postgres::Error` is never a source: its text carries PostgreSQL's DETAIL, which holds the values of rows.

use carepost_kernel::ErrorKind;
use deadpool_postgres::{PoolError, TimeoutType};
use tokio_postgres::error::DbError;

/// What went wrong between us and PostgreSQL. Cheap to clone, so that one failed batch can answer many waiters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database is away, overloaded, or gave the work up: the same work may pass later.
    #[error("reach database: {reason}{}", in_brackets(code.as_deref()))]
    Unavailable {
        /// Which way it is away, in our words.
        reason: &'static str,
        /// PostgreSQL's SQLSTATE, where it answered.
        code: Option<Box<str>>,
    },
    /// A row with this key is there already (SQLSTATE 23505).
    #[error("write row: constraint {constraint} holds one already")]
    Unique {
        /// The name of the constraint or unique index.
        constraint: Box<str>,
    },
    /// PostgreSQL refused a statement.
    #[error("run statement: refused with {code}{}", named(table.as_deref(), constraint.as_deref()))]
    Refused {
        /// SQLSTATE.
        code: Box<str>,
        /// The table that it was about, where PostgreSQL says so.
        table: Option<Box<str>>,
        /// The constraint that was broken, where there is one.
        constraint: Option<Box<str>>,
    },
    /// The driver refused: wrong parameters, a column of another type, an unreadable answer.
    #[error("talk to database: {reason}")]
    Client {
        /// The driver's own text; it names positions and columns, never values.
        reason: Box<str>,
    },
    /// A statement that must give one row gave another number.
    #[error("run statement: expected one row, got {rows}")]
    RowCount {
        /// How many came.
        rows: usize,
    },
    /// A stored value is none that this program writes.
    #[error("read row: column {column} holds an unknown value")]
    Decode {
        /// The column.
        column: &'static str,
    },
    /// DEL-1: a statement of the transaction failed or was never seen to end, so that a commit would write nothing.
    #[error("commit transaction: an earlier statement did not succeed")]
    Unsettled,
    /// The connection string, the roles or the certificates are not usable as they are.
    #[error("configure database: {0}")]
    Config(String),
    /// A migration did not go through; those before it stay.
    #[error("run migration {name}{}", in_brackets(code.as_deref()))]
    Migration {
        /// The migration, or what was done around it.
        name: String,
        /// PostgreSQL's SQLSTATE, where it was PostgreSQL that refused.
        code: Option<Box<str>>,
    },
}

fn in_brackets(code: Option<&str>) -> String {
    code.map(|code| format!(" ({code})")).unwrap_or_default()
}

fn named(table: Option<&str>, constraint: Option<&str>) -> String {
    let table = table.map(|table| format!(" on table {table}")).unwrap_or_default();
    let constraint = constraint.map(|constraint| format!(" by constraint {constraint}")).unwrap_or_default();
    table + &constraint
}

impl StoreError {
    /// What a caller can do about it.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Unavailable { .. } => ErrorKind::Unavailable,
            Self::Unique { .. } => ErrorKind::Conflict,
            _ => ErrorKind::Internal,
        }
    }

    /// Whether the same work may pass later, unchanged.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// Whether this constraint was in the way.
    #[must_use]
    pub fn is_unique(&self, name: &str) -> bool {
        matches!(self, Self::Unique { constraint } if &**constraint == name)
    }

    /// PostgreSQL's SQLSTATE, where it answered with one that is kept.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Unavailable { code, .. } | Self::Migration { code, .. } => code.as_deref(),
            Self::Refused { code, .. } => Some(code),
            Self::Unique { .. } => Some("23505"),
            _ => None,
        }
    }

    pub(crate) const fn away(reason: &'static str) -> Self {
        Self::Unavailable { reason, code: None }
    }

    fn from_server(error: &DbError) -> Self {
        let code: Box<str> = error.code().code().into();
        let boxed = |text: Option<&str>| text.map(Box::from);
        if let Some(reason) = passing_trouble(&code) {
            return Self::Unavailable { reason, code: Some(code) };
        }
        match (&*code, boxed(error.constraint())) {
            ("23505", Some(constraint)) => Self::Unique { constraint },
            (_, constraint) => Self::Refused { code, table: boxed(error.table()), constraint },
        }
    }
}

/// Why a SQLSTATE is no verdict on the work itself (PostgreSQL manual, appendix A); `None` where it is one.
fn passing_trouble(code: &str) -> Option<&'static str> {
    match code {
        "57P01" | "57P02" | "57P03" => Some("it is stopping or starting"),
        "57014" => Some("the statement took too long"),
        "55P03" => Some("a lock took too long"),
        "25P03" => Some("the transaction was left idle for too long"),
        "25006" => Some("it is read-only"),
        _ => match &code[..code.len().min(2)] {
            "08" => Some("the connection broke"),
            "40" => Some("a concurrent transaction was in the way"),
            "53" => Some("it lacks resources"),
            "58" => Some("its operating system failed"),
            _ => None,
        },
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(server) = error.as_db_error() {
            return Self::from_server(server);
        }
        let source = std::error::Error::source(&error);
        let broken = source.and_then(|source| source.downcast_ref::<std::io::Error>());
        let inner = broken.and_then(std::io::Error::get_ref);
        if let Some(refused) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            // A certificate that is refused today is refused tomorrow. rustls names hosts and reasons only.
            return Self::Config(format!("TLS towards the database: {refused}"));
        }
        if error.is_closed() || broken.is_some() {
            return Self::away("the connection is closed or was refused");
        }
        // Without its source the driver's text is one of a fixed list, with a position or a column's name.
        Self::Client { reason: error.to_string().into() }
    }
}

impl From<PoolError> for StoreError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => error.into(),
            PoolError::Timeout(TimeoutType::Wait) => Self::away("all connections are busy"),
            PoolError::Timeout(_) => Self::away("no connection came up in time"),
            PoolError::Closed => Self::away("the pool is closed"),
            PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => Self::away("the pool cannot connect"),
        }
    }
}

#[cfg(test)]
mod tests;
