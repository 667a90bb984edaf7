//! Opening placements: schema, migrations, partitions, pools.

use async_trait::async_trait;
use carepost_actors::Placements;
use carepost_kernel::Clock;
use carepost_store::{
    DatabaseConfig, IoRuntime, Placement, SchemaName, StoreError, ensure_partitions, lock_room, migrate_placement,
};
use carepost_tenancy::{PlacementKind, PlacementRecord};

use crate::http::Provisioner;

/// Opens placements of this deployment, each once.
#[derive(Debug)]
pub struct Opener {
    database: DatabaseConfig,
    own_placement_connections: usize,
    partition_days_ahead: u16,
    retention_days: u32,
    io: IoRuntime,
    placements: Placements,
    clock: Clock,
    turn: tokio::sync::Mutex<()>,
}

impl Opener {
    /// An opener that puts what it opens into `placements`.
    #[must_use]
    pub fn new(
        database: DatabaseConfig,
        settings: &crate::config::Config,
        io: IoRuntime,
        placements: Placements,
        clock: Clock,
    ) -> Self {
        Self {
            database,
            own_placement_connections: settings.database.own_placement_connections,
            partition_days_ahead: settings.engine.partition_days_ahead,
            retention_days: settings.engine.retention_days,
            io,
            placements,
            clock,
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// Brings a placement's schema up to date, makes its partitions and opens it. One that is open stays as it is.
    ///
    /// # Errors
    /// Where the database refuses or is away.
    pub async fn open(&self, record: &PlacementRecord) -> Result<Placement, StoreError> {
        let _turn = self.turn.lock().await;
        if let Some(open) = self.placements.get(record.placement_id) {
            return Ok(open);
        }
        let schema = SchemaName::new(&record.schema_name)?;
        let config = self.config_of(record);
        let applied = migrate_placement(&config, &schema).await?;
        let placement = Placement::connect(record.placement_id, &config, &schema, &self.io).await?;
        ensure_partitions(&placement, self.clock.now(), self.partition_days_ahead).await?;
        self.check_locks(&placement, config.app_connections + config.engine_connections).await?;
        tracing::info!(
            placement.id = %record.placement_id,
            placement.kind = record.kind.as_str(),
            migrations = applied.len(),
            "placement is open"
        );
        self.placements.insert(placement.clone());
        Ok(placement)
    }

    /// Says early what would otherwise show after months, when the days have come together.
    async fn check_locks(&self, placement: &Placement, connections: usize) -> Result<(), StoreError> {
        let days = self.retention_days + u32::from(self.partition_days_ahead) + 2;
        let room = lock_room(placement, days, connections).await?;
        if !room.is_enough() {
            tracing::warn!(
                placement.id = %placement.id(),
                slots = room.slots,
                needed = room.needed,
                "the server has too little room for locks: raise max_locks_per_transaction (docs/operations.md)"
            );
        }
        Ok(())
    }

    fn config_of(&self, record: &PlacementRecord) -> DatabaseConfig {
        let mut config = self.database.clone();
        if let Some(url) = &record.url {
            config.url = url.clone();
        }
        if record.kind != PlacementKind::Pooled {
            config.app_connections = self.own_placement_connections;
            config.engine_connections = self.own_placement_connections;
        }
        config
    }
}

#[async_trait]
impl Provisioner for Opener {
    async fn provision(&self, placement: PlacementRecord) -> Result<(), StoreError> {
        self.open(&placement).await.map(|_open| ())
    }
}
