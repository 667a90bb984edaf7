//! Versions that are ready to render, kept in memory: making one ready costs a thousand renderings.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use carepost_kernel::{TemplateId, TenantId};
use carepost_store::TenantTx;
use uuid::Uuid;

use crate::error::{RenderError, TemplateError};
use crate::metrics::{CAREPOST_TEMPLATES_COMPILATIONS_TOTAL, CAREPOST_TEMPLATES_RENDERS_TOTAL};
use crate::reads::{find, version_of};
use crate::rules::{CompiledTemplate, RenderInput, Rendered, compile};
use crate::types::{Template, TemplateContent};

/// Versions that are kept: some 50 to 200 KB each.
const KEPT: usize = 300;

/// A version of a tenant's template. It never changes, so what is kept of it is never wrong.
type Key = (TenantId, TemplateId, i32);

/// Renders templates. Clones share what they keep.
#[derive(Clone, Default)]
pub struct Renderer {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    versions: HashMap<Key, (u64, Arc<CompiledTemplate>)>,
    uses: u64,
}

/// A version that is ready, with its template.
#[derive(Debug, Clone)]
pub struct Ready {
    /// The template.
    pub template: Template,
    /// Which version.
    pub version: i32,
    /// What renders it.
    pub compiled: Arc<CompiledTemplate>,
}

impl std::fmt::Debug for Renderer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Renderer").field("kept", &self.lock().versions.len()).finish()
    }
}

impl Renderer {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        // No code between lock and unlock can panic half-way.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a version ready: the one that is sent where none is named, the newest draft where none is sent.
    ///
    /// # Errors
    /// `NotFound`, `VersionNotFound`; where the database is away.
    pub async fn ready(
        &self,
        tx: &TenantTx<'_>,
        template_id: TemplateId,
        version: Option<i32>,
        viewer: Option<Uuid>,
    ) -> Result<Ready, TemplateError> {
        let template = find(tx, template_id, viewer).await?;
        let version = version.unwrap_or_else(|| template.current_version());
        let key = (tx.tenant_id(), template_id, version);
        let kept = self.lock().find(&key);
        let compiled = match kept {
            Some(compiled) => compiled,
            None => self.compile(key, &version_of(tx, &template, version).await?.content)?,
        };
        Ok(Ready { template, version, compiled })
    }

    /// A version that may be sent: published, of a template that is in use.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` where it is a draft or archived; where the database is away.
    pub async fn published(&self, tx: &TenantTx<'_>, template_id: TemplateId) -> Result<Ready, TemplateError> {
        let ready = self.ready(tx, template_id, None, None).await?;
        let refused = |problem| Err(TemplateError::Conflict { tried: "send template", problem });
        match (ready.template.archived_at, ready.template.published_version) {
            (Some(_), _) => refused("it is archived"),
            (None, None) => refused("it was never published"),
            (None, Some(_)) => Ok(ready),
        }
    }

    fn compile(&self, key: Key, content: &TemplateContent) -> Result<Arc<CompiledTemplate>, TemplateError> {
        metrics::counter!(CAREPOST_TEMPLATES_COMPILATIONS_TOTAL).increment(1);
        let compiled = Arc::new(compile(content).map_err(TemplateError::Invalid)?);
        self.lock().keep(key, Arc::clone(&compiled));
        Ok(compiled)
    }
}

impl Kept {
    fn find(&mut self, key: &Key) -> Option<Arc<CompiledTemplate>> {
        self.uses += 1;
        let uses = self.uses;
        self.versions.get_mut(key).map(|(last_use, compiled)| {
            *last_use = uses;
            Arc::clone(compiled)
        })
    }

    fn keep(&mut self, key: Key, compiled: Arc<CompiledTemplate>) {
        if self.versions.len() >= KEPT {
            let oldest = self.versions.iter().min_by_key(|(_, (last_use, _))| *last_use).map(|(key, _)| *key);
            if let Some(oldest) = oldest {
                self.versions.remove(&oldest);
            }
        }
        self.versions.insert(key, (self.uses, compiled));
    }
}

impl Ready {
    /// Renders it, and counts that.
    ///
    /// # Errors
    /// As [`CompiledTemplate::render`].
    pub fn render(&self, input: &RenderInput<'_>) -> Result<Rendered, RenderError> {
        let rendered = self.compiled.render(input);
        let result = if rendered.is_ok() { "rendered" } else { "refused" };
        metrics::counter!(CAREPOST_TEMPLATES_RENDERS_TOTAL, "channel" => input.channel.as_str(), "result" => result)
            .increment(1);
        rendered
    }
}

#[cfg(test)]
mod tests;
