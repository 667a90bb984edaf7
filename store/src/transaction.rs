//! Transactions that cannot lose a failure, leak a tenant or stay open.
//!
//! PostgreSQL answers COMMIT of a failed transaction with a quiet rollback. So each transaction counts the statements
//! that were sent and not seen to succeed, and refuses to commit over one (DEL-1). A transaction that is dropped,
//! even in the middle of an await, is rolled back before anybody else gets its connection.

use std::ops::Deref;
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use carepost_kernel::TenantId;
use deadpool_postgres::ClientWrapper;
use futures_util::future::{BoxFuture, try_join, try_join_all};
use futures_util::{FutureExt as _, poll};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::StoreError;

/// The parameters of a statement.
pub type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

const SET_TENANT: &str = include_str!("sql/set_tenant.sql");
/// Spelt out, because the fence of `lease.rs` needs each statement to see what was committed before it.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// Runs prepared statements on an open transaction. Statements may be in flight together (`try_join`): PostgreSQL runs
/// them in the order of their first poll.
pub struct Statements<'a> {
    client: &'a ClientWrapper,
    /// The answer to BEGIN, where nobody has waited for it yet.
    opening: Mutex<Option<BoxFuture<'a, Result<(), tokio_postgres::Error>>>>,
    unsettled: AtomicUsize,
    is_open: bool,
}

impl<'a> Statements<'a> {
    async fn begin(client: &'a ClientWrapper, tenant: Option<TenantId>) -> Result<Self, StoreError> {
        // The guard stands before BEGIN is sent: whatever happens from here on ends with a rollback.
        let guard = |client| Self { client, opening: Mutex::new(None), unsettled: AtomicUsize::new(0), is_open: true };
        let Some(tenant) = tenant else {
            let mut opened = guard(client);
            // Sent now, its answer is read before COMMIT: the first statement need not wait for it.
            let mut opening = client.batch_execute(BEGIN).boxed();
            match poll!(&mut opening) {
                Poll::Ready(answer) => answer?,
                Poll::Pending => opened.opening = Mutex::new(Some(opening)),
            }
            return Ok(opened);
        };
        let set_tenant = client.prepare_cached(SET_TENANT).await?;
        let tenant = tenant.to_string();
        let params: [&(dyn ToSql + Sync); 1] = [&tenant];
        let opened = guard(client);
        // One round trip: both are sent before the first answer.
        try_join(client.batch_execute(BEGIN), client.execute(&set_tenant, &params)).await?;
        Ok(opened)
    }

    /// All rows of a statement.
    ///
    /// # Errors
    /// Where PostgreSQL or the connection fails; the transaction can then only be dropped.
    pub async fn query(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>, StoreError> {
        self.watched(query(self.client, sql, params)).await
    }

    /// The one row of a statement, or none.
    ///
    /// # Errors
    /// As [`Self::query`], and where more than one row comes.
    pub async fn query_opt(&self, sql: &'static str, params: Params<'_>) -> Result<Option<Row>, StoreError> {
        at_most_one(self.query(sql, params).await?)
    }

    /// The one row of a statement.
    ///
    /// # Errors
    /// As [`Self::query`], and where not exactly one row comes.
    pub async fn query_one(&self, sql: &'static str, params: Params<'_>) -> Result<Row, StoreError> {
        self.query_opt(sql, params).await?.ok_or(StoreError::RowCount { rows: 0 })
    }

    /// Runs a statement; returns how many rows it touched.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub async fn execute(&self, sql: &'static str, params: Params<'_>) -> Result<u64, StoreError> {
        self.watched(execute(self.client, sql, params)).await
    }

    /// Runs two statements in one round trip, the second strictly after the first.
    pub(crate) async fn in_order(
        &self,
        first: (&'static str, Params<'_>),
        second: (&'static str, Params<'_>),
    ) -> Result<Vec<Row>, StoreError> {
        let both = async {
            let (first_prepared, second_prepared) =
                try_join(self.client.prepare_cached(first.0), self.client.prepare_cached(second.0)).await?;
            let (_, rows) =
                try_join(self.client.execute(&first_prepared, first.1), self.client.query(&second_prepared, second.1))
                    .await?;
            Ok(rows)
        };
        self.watched(both).await
    }

    /// Counts a statement as unsettled until it is seen to succeed.
    async fn watched<T>(&self, statement: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        self.unsettled.fetch_add(1, Ordering::Relaxed);
        let answer = statement.await?;
        self.unsettled.fetch_sub(1, Ordering::Relaxed);
        Ok(answer)
    }

    async fn commit(mut self) -> Result<(), StoreError> {
        self.settle().await?;
        // No await lies between this line and the sending of COMMIT, so the transaction is never left open.
        self.is_open = false;
        Ok(self.client.batch_execute("COMMIT").await?)
    }

    /// The last statements and COMMIT in one round trip. Where a statement fails, PostgreSQL makes of COMMIT a rollback.
    async fn commit_with(mut self, last: &[(&'static str, Params<'_>)]) -> Result<(), StoreError> {
        self.settle().await?;
        let prepared = try_join_all(last.iter().map(|(sql, _)| self.client.prepare_cached(sql))).await?;
        let client = self.client;
        let run = prepared.iter().zip(last).map(|(statement, (_, params))| client.execute(statement, params));
        let mut statements = pin!(try_join_all(run));
        // One that cannot even be sent must not be missing from what is committed.
        let sent = match poll!(&mut statements) {
            Poll::Ready(answers) => Some(answers?),
            Poll::Pending => None,
        };
        self.is_open = false;
        let mut committed = pin!(client.batch_execute("COMMIT"));
        let commit = poll!(&mut committed);
        if sent.is_none() {
            statements.await?;
        }
        match commit {
            Poll::Ready(answer) => Ok(answer?),
            Poll::Pending => Ok(committed.await?),
        }
    }

    /// Everything that was sent has succeeded, BEGIN too.
    async fn settle(&mut self) -> Result<(), StoreError> {
        if self.unsettled.load(Ordering::Relaxed) > 0 {
            return Err(StoreError::Unsettled);
        }
        let opening = self.opening.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(opening) = opening {
            opening.await?;
        }
        Ok(())
    }
}

impl Drop for Statements<'_> {
    fn drop(&mut self) {
        if self.is_open {
            // The first poll sends it; the answer is read and thrown away by the connection's task.
            let _sent = self.client.batch_execute("ROLLBACK").now_or_never();
        }
    }
}

impl std::fmt::Debug for Statements<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Statements")
    }
}

/// A transaction that sees one tenant's rows (row-level security). Dropped without a commit, it is rolled back.
#[derive(Debug)]
pub struct TenantTx<'a> {
    tenant_id: TenantId,
    statements: Statements<'a>,
}

impl<'a> TenantTx<'a> {
    pub(crate) async fn begin(client: &'a ClientWrapper, tenant_id: TenantId) -> Result<Self, StoreError> {
        Ok(Self { tenant_id, statements: Statements::begin(client, Some(tenant_id)).await? })
    }

    /// Whose rows it sees.
    #[must_use]
    pub const fn tenant_id(&self) -> TenantId {
        self.tenant_id
    }

    /// Makes it durable.
    ///
    /// # Errors
    /// [`StoreError::Unsettled`] after a failed statement. Where the connection breaks, the outcome is unknown.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.statements.commit().await
    }
}

impl<'a> Deref for TenantTx<'a> {
    type Target = Statements<'a>;

    fn deref(&self) -> &Statements<'a> {
        &self.statements
    }
}

/// A transaction of the engine over many tenants' rows. Dropped without a commit, it is rolled back.
#[derive(Debug)]
pub struct EngineTx<'a> {
    statements: Statements<'a>,
}

impl<'a> EngineTx<'a> {
    pub(crate) async fn begin(client: &'a ClientWrapper) -> Result<Self, StoreError> {
        Ok(Self { statements: Statements::begin(client, None).await? })
    }

    /// Makes it durable.
    ///
    /// # Errors
    /// [`StoreError::Unsettled`] after a failed statement. Where the connection breaks, the outcome is unknown.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.statements.commit().await
    }

    /// Runs the last statements, in order, and makes the whole durable, all in one round trip.
    ///
    /// # Errors
    /// Where a statement fails: then nothing of the transaction is durable; and as [`Self::commit`].
    pub async fn commit_with(self, last: &[(&'static str, Params<'_>)]) -> Result<(), StoreError> {
        self.statements.commit_with(last).await
    }
}

impl<'a> Deref for EngineTx<'a> {
    type Target = Statements<'a>;

    fn deref(&self) -> &Statements<'a> {
        &self.statements
    }
}

pub(crate) async fn query(
    client: &ClientWrapper,
    sql: &'static str,
    params: Params<'_>,
) -> Result<Vec<Row>, StoreError> {
    let statement = client.prepare_cached(sql).await?;
    Ok(client.query(&statement, params).await?)
}

pub(crate) async fn execute(client: &ClientWrapper, sql: &'static str, params: Params<'_>) -> Result<u64, StoreError> {
    let statement = client.prepare_cached(sql).await?;
    Ok(client.execute(&statement, params).await?)
}

pub(crate) fn at_most_one(mut rows: Vec<Row>) -> Result<Option<Row>, StoreError> {
    match rows.len() {
        0 | 1 => Ok(rows.pop()),
        rows => Err(StoreError::RowCount { rows }),
    }
}
