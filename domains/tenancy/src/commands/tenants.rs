//! Making tenants and placements; settings, pauses.

use carepost_audit::{Actor, AuditEvent, DEPLOYMENT, record};
use carepost_kernel::{Channel, PlacementId, Secret, TenantId};
use carepost_store::StoreError;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::error::Tried as _;
use crate::events::TenancyEvent;
use crate::rules::{names, settings};
use crate::store::tenants;
use crate::types::{
    NewTenant, PlacementChoice, PlacementKind, PlacementRecord, SettingsChange, Tenant, TenantSettings, TenantStatus,
};
use crate::{Directory, TenancyError};

/// The version of a new tenant's data key.
const FIRST_KEY: u16 = 1;

impl Directory {
    /// Records the pooled placement if there is none yet; its schema must be migrated already.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn ensure_pooled_placement(
        &self,
        actor: &Actor,
        schema_name: &str,
    ) -> Result<PlacementRecord, TenancyError> {
        let pooled = |placement: &PlacementRecord| placement.kind == PlacementKind::Pooled;
        if let Some(placement) = self.placements().await?.into_iter().find(pooled) {
            return Ok(placement);
        }
        let now = self.now();
        let placement = PlacementRecord {
            placement_id: PlacementId::new(now),
            kind: PlacementKind::Pooled,
            schema_name: schema_name.to_owned(),
            url: None,
            created_at: now,
        };
        let mut engine = self.engine().await?;
        let tx = engine.begin().await.tried("create placement")?;
        tenants::insert_placement(&tx, &placement, None).await?;
        record(&tx, now, &placement_created(actor, &placement)).await?;
        tx.commit().await.tried("create placement")?;
        self.tell(TenancyEvent::PlacementCreated(placement.placement_id));
        Ok(placement)
    }

    /// Makes a tenant with its first data key. For a placement of its own, `prepare` makes and migrates the schema;
    /// it runs before anything is recorded, and may run again for the same choice after a failure.
    ///
    /// # Errors
    /// `Invalid` names the wrong field; `Conflict` where the slug is taken or there is no pooled placement.
    pub async fn create_tenant<Prepare, Prepared>(
        &self,
        actor: &Actor,
        new: NewTenant,
        prepare: Prepare,
    ) -> Result<Tenant, TenancyError>
    where
        Prepare: FnOnce(PlacementRecord) -> Prepared,
        Prepared: Future<Output = Result<(), StoreError>>,
    {
        names::check_slug(&new.slug)?;
        names::check_name("/display_name", &new.display_name)?;
        settings::check(&new.settings)?;
        if self.find_tenant_by_slug(&new.slug).await?.is_some() {
            return Err(tenants::slug_taken());
        }
        let now = self.now();
        let tenant_id = TenantId::new(now);
        let (placement, is_new) = self.choose_placement(tenant_id, new.placement, now).await?;
        if is_new {
            prepare(placement.clone()).await.tried("prepare placement")?;
        }
        let tenant = Tenant {
            tenant_id,
            slug: new.slug,
            display_name: new.display_name,
            placement_id: placement.placement_id,
            status: TenantStatus::Active,
            settings: new.settings,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        self.insert_tenant(actor, &tenant, is_new.then_some(&placement)).await?;
        if is_new {
            self.tell(TenancyEvent::PlacementCreated(placement.placement_id));
        }
        self.tenant_changed(tenant_id).await;
        Ok(tenant)
    }

    async fn choose_placement(
        &self,
        tenant_id: TenantId,
        choice: PlacementChoice,
        now: Timestamp,
    ) -> Result<(PlacementRecord, bool), TenancyError> {
        let own = |kind, url: Option<Secret<String>>| PlacementRecord {
            placement_id: PlacementId::new(now),
            kind,
            schema_name: names::schema_name(tenant_id),
            url,
            created_at: now,
        };
        match choice {
            PlacementChoice::OwnSchema => Ok((own(PlacementKind::Schema, None), true)),
            PlacementChoice::OwnDatabase { url } => Ok((own(PlacementKind::Database, Some(url)), true)),
            PlacementChoice::Pooled => {
                let mut placements = self.placements().await?.into_iter();
                let pooled = placements.find(|placement| placement.kind == PlacementKind::Pooled);
                pooled
                    .map(|placement| (placement, false))
                    .ok_or(TenancyError::Conflict { tried: "create tenant", problem: "there is no pooled placement" })
            }
        }
    }

    async fn insert_tenant(
        &self,
        actor: &Actor,
        tenant: &Tenant,
        new_placement: Option<&PlacementRecord>,
    ) -> Result<(), TenancyError> {
        let now = tenant.created_at;
        let data_key = self.master_keys().new_data_key(tenant.tenant_id, FIRST_KEY)?;
        let mut engine = self.engine().await?;
        let tx = engine.begin().await.tried("create tenant")?;
        if let Some(placement) = new_placement {
            let url = placement.url.as_ref();
            let url_sealed = url.map(|url| self.master_keys().seal_url(placement.placement_id, url)).transpose()?;
            tenants::insert_placement(&tx, placement, url_sealed.as_deref()).await?;
            record(&tx, now, &placement_created(actor, placement)).await?;
        }
        tenants::insert_tenant(&tx, tenant).await?;
        tenants::insert_tenant_key(&tx, tenant.tenant_id, FIRST_KEY, &data_key, now).await?;
        let detail = json!({
            "slug": tenant.slug,
            "placement_id": tenant.placement_id,
            "settings": tenant.settings,
            "key_version": FIRST_KEY,
            "master_key_id": data_key.0,
        });
        record(&tx, now, &tenant_event(actor, tenant.tenant_id, "tenant.create", detail)).await?;
        tx.commit().await.tried("create tenant")
    }

    /// Replaces a tenant's settings. The answer and the trail hold the previous ones, so that it can be taken back.
    /// With `expected_version`, a change that somebody else made meanwhile is not overwritten.
    ///
    /// # Errors
    /// `Invalid` names the wrong field; `Conflict` where the version is another one.
    pub async fn update_settings(
        &self,
        actor: &Actor,
        tenant_id: TenantId,
        new: TenantSettings,
        expected_version: Option<i64>,
    ) -> Result<SettingsChange, TenancyError> {
        settings::check(&new)?;
        self.change_settings(actor, tenant_id, expected_version, move |_| Ok(new)).await
    }

    /// Changes some of a tenant's settings by a merge patch (RFC 7396); `null` brings a field back to its default.
    ///
    /// # Errors
    /// As [`Self::update_settings`].
    pub async fn patch_settings(
        &self,
        actor: &Actor,
        tenant_id: TenantId,
        patch: &Value,
        expected_version: Option<i64>,
    ) -> Result<SettingsChange, TenancyError> {
        self.change_settings(actor, tenant_id, expected_version, |present| Ok(settings::patch(present, patch)?)).await
    }

    /// Pauses or resumes one channel of a tenant.
    ///
    /// # Errors
    /// As [`Self::update_settings`].
    pub async fn set_channel_paused(
        &self,
        actor: &Actor,
        tenant_id: TenantId,
        channel: Channel,
        paused: bool,
    ) -> Result<SettingsChange, TenancyError> {
        let change = move |present: &TenantSettings| {
            let mut settings = present.clone();
            if paused {
                settings.paused_channels.insert(channel);
            } else {
                settings.paused_channels.remove(&channel);
            }
            Ok(settings)
        };
        self.change_settings(actor, tenant_id, None, change).await
    }

    async fn change_settings(
        &self,
        actor: &Actor,
        tenant_id: TenantId,
        expected_version: Option<i64>,
        change: impl FnOnce(&TenantSettings) -> Result<TenantSettings, TenancyError>,
    ) -> Result<SettingsChange, TenancyError> {
        const TRIED: &str = "update settings";
        let mut connection = self.tenant_connection(tenant_id).await?;
        let tx = connection.begin().await.tried(TRIED)?;
        let mut tenant = tenants::lock_tenant(&tx).await?;
        if expected_version.is_some_and(|version| version != tenant.version) {
            return Err(TenancyError::Conflict { tried: TRIED, problem: "somebody else changed them meanwhile" });
        }
        let settings = change(&tenant.settings)?;
        let previous = std::mem::replace(&mut tenant.settings, settings);
        if previous == tenant.settings {
            return Ok(SettingsChange { previous, tenant });
        }
        touch(&mut tenant, self.now());
        tenants::update_tenant(&tx, &tenant).await?;
        let detail = json!({ "previous": previous, "current": tenant.settings, "version": tenant.version });
        record(&tx, tenant.updated_at, &tenant_event(actor, tenant_id, "tenant.update_settings", detail)).await?;
        tx.commit().await.tried(TRIED)?;
        self.tenant_changed(tenant_id).await;
        Ok(SettingsChange { previous, tenant })
    }

    /// Pauses, resumes or closes a tenant. A closed one stays closed.
    ///
    /// # Errors
    /// `Conflict` where it is closed; of kind `NotFound` where there is none.
    pub async fn set_tenant_status(
        &self,
        actor: &Actor,
        tenant_id: TenantId,
        status: TenantStatus,
    ) -> Result<Tenant, TenancyError> {
        const TRIED: &str = "change tenant status";
        let mut connection = self.tenant_connection(tenant_id).await?;
        let tx = connection.begin().await.tried(TRIED)?;
        let mut tenant = tenants::lock_tenant(&tx).await?;
        if tenant.status == status {
            return Ok(tenant);
        }
        if tenant.status == TenantStatus::Closed {
            return Err(TenancyError::Conflict { tried: TRIED, problem: "the tenant is closed" });
        }
        let previous = std::mem::replace(&mut tenant.status, status);
        touch(&mut tenant, self.now());
        tenants::update_tenant(&tx, &tenant).await?;
        let detail = json!({ "previous": previous, "current": status });
        record(&tx, tenant.updated_at, &tenant_event(actor, tenant_id, "tenant.change_status", detail)).await?;
        tx.commit().await.tried(TRIED)?;
        self.tenant_changed(tenant_id).await;
        Ok(tenant)
    }
}

fn touch(tenant: &mut Tenant, now: Timestamp) {
    tenant.version += 1;
    tenant.updated_at = now;
}

fn tenant_event(actor: &Actor, tenant_id: TenantId, action: &'static str, detail: Value) -> AuditEvent {
    AuditEvent { tenant_id, actor: actor.clone(), action, subject: ("tenant", tenant_id.to_string()), detail }
}

fn placement_created(actor: &Actor, placement: &PlacementRecord) -> AuditEvent {
    AuditEvent {
        tenant_id: DEPLOYMENT,
        actor: actor.clone(),
        action: "placement.create",
        subject: ("placement", placement.placement_id.to_string()),
        detail: json!({ "kind": placement.kind, "schema_name": placement.schema_name }),
    }
}
