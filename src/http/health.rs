//! Signs of life for whoever runs the process.

use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::{HttpResponse, web};
use carepost_actors::{ActorInfo, Placements};
use carepost_kernel::PlacementId;
use carepost_tenancy::{PlacementKind, PlacementRecord};
use futures_util::future::join_all;
use serde::Serialize;
use utoipa::ToSchema;

use super::state::AppState;

/// A database that takes longer is not ready.
const PATIENCE: Duration = Duration::from_secs(1);

/// How the process is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthView {
    /// `ok`; `degraded` where some are not served while most are; `unavailable`.
    #[schema(example = "ok")]
    status: &'static str,
    /// Placements that answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 1)]
    placements_ready: Option<usize>,
    /// Placements that there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 1)]
    placements_total: Option<usize>,
    /// What everybody needs and what is away: `control`, pooled placements, actors of the root and of those placements.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unavailable: Vec<String>,
    /// What is away for some: tenants' own placements, and the number of failed actors that serve one tenant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    degraded: Vec<String>,
}

/// Is the process alive?
#[utoipa::path(get, path = "/health/live", tag = "health", responses((status = 200, body = HealthView)))]
pub(crate) async fn get_live() -> HttpResponse {
    HttpResponse::Ok().json(HealthView {
        status: "ok",
        placements_ready: None,
        placements_total: None,
        unavailable: Vec::new(),
        degraded: Vec::new(),
    })
}

/// Can the process serve?
///
/// Asks the control database and every placement's, with a second of patience, and looks for actors that have failed
/// too often. 503 where everybody is concerned: the control database, a pooled placement, or an actor that all of its
/// tenants need. A tenant's own database that is away, or an actor of one tenant that has failed, makes the answer
/// `degraded` and leaves it at 200: no other instance could do better.
#[utoipa::path(get, path = "/health/ready", tag = "health",
    responses((status = 200, body = HealthView), (status = 503, body = HealthView)))]
pub(crate) async fn get_ready(state: web::Data<AppState>) -> HttpResponse {
    let mut findings = Findings::default();
    // The control database is asked for the placements: without it nothing is known of them, nor of new tenants.
    let known = match tokio::time::timeout(PATIENCE, state.directory.placements()).await {
        Ok(Ok(records)) => records,
        Ok(Err(_)) | Err(_) => {
            findings.unavailable.push("control".to_owned());
            Vec::new()
        }
    };
    let answers = join_all(known.iter().map(|record| answers(&state.placements, record.placement_id))).await;
    let ready = answers.iter().filter(|answers| **answers).count();
    for (record, _) in known.iter().zip(&answers).filter(|(_, answers)| !**answers) {
        findings.of(record).push(format!("placement:{}", record.placement_id));
    }
    findings.note_actors(&known, &state.engine.actors().await);
    if state.is_leaving.load(Ordering::Acquire) {
        findings.unavailable.push("stopping".to_owned());
    }
    let Findings { unavailable, degraded } = findings;
    let status = match (unavailable.is_empty(), degraded.is_empty()) {
        (true, true) => "ok",
        (true, false) => "degraded",
        (false, _) => "unavailable",
    };
    let is_ready = unavailable.is_empty();
    let view = HealthView {
        status,
        placements_ready: Some(ready),
        placements_total: Some(known.len()),
        unavailable,
        degraded,
    };
    if is_ready { HttpResponse::Ok().json(view) } else { HttpResponse::ServiceUnavailable().json(view) }
}

/// It is open, and its database answers.
async fn answers(placements: &Placements, placement_id: PlacementId) -> bool {
    let Some(placement) = placements.get(placement_id) else { return false };
    matches!(tokio::time::timeout(PATIENCE, placement.ping()).await, Ok(Ok(())))
}

/// What is away.
#[derive(Debug, Default)]
struct Findings {
    unavailable: Vec<String>,
    degraded: Vec<String>,
}

impl Findings {
    /// Where something that is amiss with a placement belongs.
    fn of(&mut self, record: &PlacementRecord) -> &mut Vec<String> {
        match record.kind {
            PlacementKind::Pooled => &mut self.unavailable,
            _ => &mut self.degraded,
        }
    }

    /// Actors that died too often and are rebuilt now and then only.
    fn note_actors(&mut self, known: &[PlacementRecord], actors: &[ActorInfo]) {
        let mut of_tenants = 0_usize;
        for actor in actors.iter().filter(|actor| actor.state == "failed") {
            let parts: Vec<&str> = actor.path.split(['/', ':']).collect();
            match parts.as_slice() {
                ["root", "placement", id, ..] => {
                    let of_actor = |record: &&PlacementRecord| record.placement_id.to_string() == *id;
                    match known.iter().find(of_actor) {
                        Some(record) => self.of(record).push(actor.path.clone()),
                        None => self.unavailable.push(actor.path.clone()),
                    }
                }
                // Tenants are told of events later, by whichever instance.
                ["root", "notifier"] => self.degraded.push(actor.path.clone()),
                ["root", _] => self.unavailable.push(actor.path.clone()),
                _ => of_tenants += 1,
            }
        }
        if of_tenants > 0 {
            self.degraded.push(format!("actors of tenants and accounts: {of_tenants}"));
        }
    }
}

#[cfg(test)]
mod tests;
