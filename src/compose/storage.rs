//! Database, control schema, directory, placements: what `serve` and the commands have in common.

use std::sync::Arc;

use anyhow::Context as _;
use carepost_actors::Placements;
use carepost_audit::Actor;
use carepost_kernel::{Chain, Clock, PlacementId};
use carepost_store::{DatabaseConfig, IoRuntime, Placement, SchemaName, migrate_control};
use carepost_tenancy::{Directory, MasterKeys, PlacementKind};
use uuid::Uuid;

use super::database::Database;
use super::placements::Opener;
use crate::config::Config;

/// The schema of tenants, keys and the trail.
const CONTROL_SCHEMA: &str = "carepost_control";
/// The schema that tenants share.
const POOLED_SCHEMA: &str = "carepost_pooled";
/// Reads of the control schema are cached; few connections do.
const CONTROL_CONNECTIONS: usize = 4;

/// What the storage is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The server: our own database must be free.
    Serve,
    /// A command, which may work beside a running server.
    Tool,
}

/// Database, directory, placements.
#[derive(Debug)]
pub struct Storage {
    /// Tenants, keys, accounts.
    pub directory: Directory,
    /// Open placements.
    pub placements: Placements,
    /// Opens more of them.
    pub opener: Arc<Opener>,
    database: Database,
}

impl Storage {
    /// Opens everything, migrating what is behind.
    ///
    /// # Errors
    /// Where the deployment's database refuses or is away. A tenant's own database that is away is logged and tried
    /// again later.
    pub async fn open(config: &Config, master_keys: MasterKeys, clock: Clock, access: Access) -> anyhow::Result<Self> {
        let database = Database::open(config, access).await?;
        match Self::over(&database, config, master_keys, clock).await {
            Ok((directory, placements, opener)) => Ok(Self { directory, placements, opener, database }),
            Err(error) => {
                // The first fault is the one to tell.
                if let Err(second) = database.close().await {
                    tracing::warn!(error = %Chain(&*second), "could not stop the database");
                }
                Err(error)
            }
        }
    }

    async fn over(
        database: &Database,
        config: &Config,
        master_keys: MasterKeys,
        clock: Clock,
    ) -> anyhow::Result<(Directory, Placements, Arc<Opener>)> {
        let io = IoRuntime::start()?;
        let control = open_control(&database.config, &io).await?;
        let directory = Directory::new(control, master_keys, clock.clone()).with_reach(config.outbound.reach());
        let placements = Placements::default();
        let opener = Arc::new(Opener::new(database.config.clone(), config, io, placements.clone(), clock));
        directory
            .ensure_pooled_placement(&Actor::System, POOLED_SCHEMA)
            .await
            .context("record the pooled placement")?;
        for record in directory.placements().await.context("list placements")? {
            let opened = opener.open(&record).await;
            match opened {
                Err(error) if record.kind == PlacementKind::Database => {
                    tracing::error!(placement.id = %record.placement_id, error = %Chain(&error), "could not open placement");
                }
                other => drop(other.with_context(|| format!("open placement {}", record.placement_id))?),
            }
        }
        Ok((directory, placements, opener))
    }

    /// Opens what other processes have recorded, and what could not be opened before.
    ///
    /// # Errors
    /// Where the placements cannot be listed.
    pub async fn open_new_placements(directory: &Directory, opener: &Opener, open: &Placements) -> anyhow::Result<()> {
        for record in directory.placements().await? {
            if open.get(record.placement_id).is_none()
                && let Err(error) = opener.open(&record).await
            {
                tracing::error!(placement.id = %record.placement_id, error = %Chain(&error), "could not open placement");
            }
        }
        Ok(())
    }

    /// Stops our own database, if it is ours.
    ///
    /// # Errors
    /// Where it does not stop in time.
    pub async fn close(self) -> anyhow::Result<()> {
        let Self { database, .. } = self;
        database.close().await
    }
}

async fn open_control(database: &DatabaseConfig, io: &IoRuntime) -> anyhow::Result<Placement> {
    let schema = SchemaName::new(CONTROL_SCHEMA)?;
    let applied = migrate_control(database, &schema).await.context("migrate the control schema")?;
    if !applied.is_empty() {
        tracing::info!(migrations = applied.len(), "control schema is up to date");
    }
    let config = DatabaseConfig {
        app_connections: CONTROL_CONNECTIONS,
        engine_connections: CONTROL_CONNECTIONS,
        ..database.clone()
    };
    // It is in no row of placements: nobody's messages live there.
    let id = PlacementId::from_uuid(Uuid::nil());
    Placement::connect(id, &config, &schema, io).await.context("connect to the control schema")
}
