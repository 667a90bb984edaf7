//! Signs of life for whoever runs the process.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use futures_util::future::join_all;
use serde::Serialize;
use utoipa::ToSchema;

use super::state::AppState;

/// A database that takes longer is not ready.
const PATIENCE: Duration = Duration::from_secs(1);

/// How the process is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthView {
    /// `ok` or `unavailable`.
    #[schema(example = "ok")]
    status: &'static str,
    /// Placements that answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 1)]
    placements_ready: Option<usize>,
    /// Placements that are open.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 1)]
    placements_total: Option<usize>,
}

/// Is the process alive?
#[utoipa::path(get, path = "/health/live", tag = "health", responses((status = 200, body = HealthView)))]
pub(crate) async fn get_live() -> HttpResponse {
    HttpResponse::Ok().json(HealthView { status: "ok", placements_ready: None, placements_total: None })
}

/// Can the process serve?
///
/// Asks every placement's database, with a second of patience.
#[utoipa::path(get, path = "/health/ready", tag = "health",
    responses((status = 200, body = HealthView), (status = 503, body = HealthView)))]
pub(crate) async fn get_ready(state: web::Data<AppState>) -> HttpResponse {
    let placements = state.placements.list();
    let total = placements.len();
    let pings = placements.iter().map(|placement| tokio::time::timeout(PATIENCE, placement.ping()));
    let answers = join_all(pings).await;
    let ready = answers.iter().filter(|answer| matches!(answer, Ok(Ok(())))).count();
    let is_ready = total > 0 && ready == total;
    let view = HealthView {
        status: if is_ready { "ok" } else { "unavailable" },
        placements_ready: Some(ready),
        placements_total: Some(total),
    };
    if is_ready { HttpResponse::Ok().json(view) } else { HttpResponse::ServiceUnavailable().json(view) }
}
