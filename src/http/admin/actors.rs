//! The tree of actors, for administrators of the deployment.

use actix_web::{HttpResponse, web};
use carepost_actors::ActorInfo;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::auth::Admin;
use crate::http::state::AppState;

/// The actors of this process.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActorsView {
    /// The actors, by path.
    items: Vec<ActorView>,
}

/// One actor.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActorView {
    /// Its place in the tree.
    #[schema(example = "root/scheduler")]
    path: String,
    /// The kind of actor.
    #[schema(example = "SchedulerActor")]
    kind: &'static str,
    /// `running`, `restarting`, `failed` or `stopped`.
    #[schema(example = "running")]
    state: &'static str,
    /// Deaths since the start.
    restarts: u64,
    /// Messages that wait for it.
    depth: usize,
}

/// Show the actors
#[utoipa::path(
    get,
    path = "/api/v1/admin/actors",
    tag = "admin",
    security(("admin_token" = [])),
    responses((status = 200, body = ActorsView)),
)]
pub(crate) async fn list_actors(_admin: Admin, state: web::Data<AppState>) -> HttpResponse {
    let mut items: Vec<ActorView> = state.engine.actors().await.into_iter().map(ActorView::from).collect();
    items.sort_by(|one, other| one.path.cmp(&other.path));
    HttpResponse::Ok().json(ActorsView { items })
}

impl From<ActorInfo> for ActorView {
    fn from(ActorInfo { path, kind, state, restarts, depth }: ActorInfo) -> Self {
        Self { path, kind, state, restarts, depth }
    }
}
