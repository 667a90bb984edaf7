//! Entries of the trail for changes that other rooms make in a tenant's placement.

use carepost_audit::{AuditEvent, record};

use crate::error::Tried as _;
use crate::{Directory, TenancyError};

impl Directory {
    /// Writes down a change of configuration that is stored in the tenant's placement. Placement and trail may be two
    /// databases, so it cannot be one transaction (TEN-3): record first, then commit the change. A crash in between leaves an
    /// entry of a change that did not come about, and never a change without an entry.
    ///
    /// # Errors
    /// Where the entry is malformed or the database is away: the change must not commit then.
    pub async fn record_change(&self, event: &AuditEvent) -> Result<(), TenancyError> {
        const TRIED: &str = "record a change of configuration";
        let mut connection = self.tenant_connection(event.tenant_id).await?;
        let tx = connection.begin().await.tried(TRIED)?;
        record(&tx, self.now(), event).await?;
        tx.commit().await.tried(TRIED)
    }
}
