//! Templates: made, changed, published, rendered. On the exact paths of the design of secure messaging
//! (`/api/message-templates`, decision C13) with its exact fields, and with everything else under v1.

pub(crate) mod body;
pub(crate) mod change;
pub(crate) mod message_templates;
pub(crate) mod read;
pub(crate) mod render;
pub(crate) mod view;

use actix_web::HttpRequest;
use carepost_kernel::TemplateId;
use carepost_store::TenantConnection;
use carepost_templates::Author;
use carepost_tenancy::Scope;
use uuid::Uuid;

use super::auth::Caller;
use super::error::ApiError;
use super::query::path_id;
use super::state::AppState;

/// Bytes of a template's body: texts of all channels and languages together.
const BODY_BYTES: usize = 1 << 20;

fn author(caller: &Caller, state: &AppState) -> Author {
    Author { actor_id: caller.principal.api_key_id.as_uuid(), now: state.clock.now() }
}

/// Whose templates are seen: who may manage them sees all of the practice.
fn viewer(caller: &Caller) -> Option<Uuid> {
    (!caller.principal.may(Scope::TemplatesManage)).then(|| caller.principal.api_key_id.as_uuid())
}

/// A connection, and the template of the path.
async fn at(
    caller: &Caller,
    request: &HttpRequest,
    state: &AppState,
) -> Result<(TenantConnection, TemplateId), ApiError> {
    let template_id = path_id(request, "id")?;
    Ok((state.connection(&caller.tenant).await?, template_id))
}
