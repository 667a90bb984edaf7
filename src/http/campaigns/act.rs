//! The life of a bulk send. Each deed may be repeated.

use actix_web::{HttpRequest, HttpResponse, web};
use carepost_campaigns::commands::change_life;
use carepost_campaigns::rules::life::Deed;
use carepost_kernel::BulkSendId;
use carepost_tenancy::Scope;

use super::view::BulkSendView;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::query::path_id;
use crate::http::state::AppState;

async fn act(caller: &Caller, request: &HttpRequest, state: &AppState, deed: Deed) -> Result<HttpResponse, ApiError> {
    let bulk_send_id: BulkSendId = path_id(request, "id")?;
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let send = change_life(&tx, &caller.tenant, bulk_send_id, deed, state.clock.now()).await?;
    tx.commit().await?;
    drop(connection);
    state.engine.bulk_sends_changed(caller.tenant_id()).await;
    Ok(HttpResponse::Accepted().json(BulkSendView::from(send)))
}

macro_rules! deeds {
    ($($(#[$meta:meta])* $name:ident $deed:ident $path:literal)+) => {$(
        $(#[$meta])*
        #[utoipa::path(
            post,
            path = $path,
            tag = "bulk-sends",
            security(("api_key" = ["bulk:send"])),
            params(("id" = Uuid, Path, description = "The bulk send.")),
            responses((status = 202, body = BulkSendView)),
        )]
        pub(crate) async fn $name(
            caller: Caller,
            request: HttpRequest,
            state: web::Data<AppState>,
        ) -> Result<HttpResponse, ApiError> {
            caller.require(Scope::BulkSend)?;
            act(&caller, &request, &state, Deed::$deed).await
        }
    )+};
}

deeds! {
    /// Count a bulk send
    ///
    /// The gate is asked about each row, and its verdict stored; nothing leaves. `ready` when it is done.
    count_bulk_send Count "/api/v1/messaging/bulk-sends/{id}/count"
    /// Start a bulk send
    ///
    /// Only what was counted since its list changed last. The gate is asked again when a row's turn has come, and has the
    /// last word when its message leaves.
    start_bulk_send Start "/api/v1/messaging/bulk-sends/{id}/start"
    /// Pause a bulk send
    ///
    /// No more rows go. The messages that wait to leave already, two thousand at most, go on.
    pause_bulk_send Pause "/api/v1/messaging/bulk-sends/{id}/pause"
    /// Resume a bulk send
    ///
    /// Its rows go again.
    resume_bulk_send Resume "/api/v1/messaging/bulk-sends/{id}/resume"
    /// Cancel a bulk send
    ///
    /// No more rows go, and what waits to leave is taken back. `cancelled` when that is done.
    cancel_bulk_send Cancel "/api/v1/messaging/bulk-sends/{id}/cancel"
}
