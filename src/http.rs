//! The public face: JSON over HTTP, errors as RFC 9457 problems. The whole route table is in this file.
//!
//! Invariants kept here: **DEL-1** (202 comes after the engine's answer), **DEL-2** (the fingerprint is over the raw
//! bytes), **DEL-9** (no value of a request in an error, a log line, a metric or a URL), **DEL-12** (every body and
//! every stream is bounded).
//!
//! Deliberately absent: rules and SQL; keys in addresses; cookies and sessions.

mod admin;
mod auth;
mod docs;
mod error;
mod events;
mod health;
mod in_app;
mod inbound;
mod intake;
mod json;
mod links;
mod messages;
pub mod metrics;
mod names;
mod observe;
pub mod openapi;
mod pages;
mod preferences;
mod query;
mod relay;
mod state;
mod table;
mod unsubscribe;
mod visits;
mod webhooks;

use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Scope};

use admin::{accounts, actors, api_keys, audit, endpoints, settings, tenants};
use error::{ApiError, Code};
use events::{history, stream};
use messages::{act, create, read, timeline};
use table::{Path, path};

pub use intake::Intake;
pub use state::{AppState, HttpLimits, Providers, Provisioner, Streams};
pub use visits::Visits;
pub use webhooks::webhook_url;

/// Puts the whole face into an application.
pub fn configure(state: AppState) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        let unknown = || std::future::ready(Err::<HttpResponse, _>(ApiError::new(Code::RouteNotFound, "no such path")));
        let scope = routes().into_iter().fold(web::scope(""), |scope: Scope, path| path.register(scope));
        config
            .app_data(web::Data::new(state))
            .service(scope.default_service(web::to(unknown)).wrap(from_fn(observe::observe)));
    }
}

/// Method and pattern of every operation of the API, for tests that cover them all.
#[must_use]
pub fn operations() -> Vec<(&'static str, &'static str)> {
    routes().iter().flat_map(Path::documented).collect()
}

/// All paths. Where two could match, the first one does.
#[rustfmt::skip]
fn routes() -> Vec<Path> {
    vec![
        path("/api/v1/messaging/messages").get(read::list_messages).post(create::create_message).by_owner(&["POST"]),
        path("/api/v1/messaging/messages/batch").post(create::create_batch).by_owner(&["POST"]),
        path("/api/v1/messaging/messages/search").post(read::search_messages),
        path("/api/v1/messaging/messages/redrive").post(act::redrive_messages).by_owner(&["POST"]),
        path("/api/v1/messaging/messages/{id}").get(read::get_message_by_id),
        path("/api/v1/messaging/messages/{id}/timeline").get(timeline::get_timeline),
        path("/api/v1/messaging/messages/{id}/cancel").post(act::cancel_message).by_owner(&["POST"]),
        path("/api/v1/messaging/events").get(stream::stream_events).by_owner(&["GET"]),
        path("/api/v1/messaging/events/history").get(history::list_events),
        path("/api/v1/messaging/in-app/messages").get(in_app::list_in_app_messages),
        path("/api/v1/messaging/in-app/messages/{id}/read").post(in_app::read_in_app_message).by_owner(&["POST"]),
        path("/api/v1/messaging/in-app/stream").get(in_app::stream_in_app).by_owner(&["GET"]),
        path("/api/v1/messaging/inbound").get(inbound::list_inbound_messages),

        path("/webhooks/{vendor}/{token}")
            .get(webhooks::receive_webhook_by_get).post(webhooks::receive_webhook).by_owner(&["GET", "POST"]),

        path("/l/{token}").get(links::follow_link).head(links::follow_link).by_owner(&["GET"]).undocumented(),
        path("/p/{token}")
            .get(preferences::show_preferences).post(preferences::save_preferences).by_owner(&["POST"]).undocumented(),
        path("/u/{token}")
            .get(unsubscribe::show_unsubscribe).post(unsubscribe::unsubscribe).by_owner(&["POST"]).page(&["GET"]),

        path("/api/v1/admin/actors").get(actors::list_actors),
        path("/api/v1/admin/tenants").get(tenants::list_tenants).post(tenants::create_tenant),
        path("/api/v1/admin/tenants/{tenant}").get(tenants::get_tenant),
        path("/api/v1/admin/tenants/{tenant}/settings").get(settings::get_settings).put(settings::put_settings),
        path("/api/v1/admin/tenants/{tenant}/pause").post(tenants::pause_tenant),
        path("/api/v1/admin/tenants/{tenant}/resume").post(tenants::resume_tenant),
        path("/api/v1/admin/tenants/{tenant}/api-keys").get(api_keys::list_api_keys).post(api_keys::create_api_key),
        path("/api/v1/admin/tenants/{tenant}/api-keys/{id}").delete(api_keys::revoke_api_key),
        path("/api/v1/admin/tenants/{tenant}/provider-accounts")
            .get(accounts::list_provider_accounts).post(accounts::create_provider_account),
        path("/api/v1/admin/tenants/{tenant}/provider-accounts/{id}")
            .patch(accounts::update_provider_account).delete(accounts::close_provider_account),
        path("/api/v1/admin/tenants/{tenant}/provider-accounts/{id}/pause").post(accounts::pause_provider_account),
        path("/api/v1/admin/tenants/{tenant}/provider-accounts/{id}/resume").post(accounts::resume_provider_account),
        path("/api/v1/admin/tenants/{tenant}/webhook-endpoints")
            .get(endpoints::list_webhook_endpoints).post(endpoints::create_webhook_endpoint),
        path("/api/v1/admin/tenants/{tenant}/webhook-endpoints/{id}")
            .get(endpoints::get_webhook_endpoint).patch(endpoints::update_webhook_endpoint)
            .delete(endpoints::remove_webhook_endpoint),
        path("/api/v1/admin/tenants/{tenant}/audit").get(audit::list_audit_events),

        path("/health/live").get(health::get_live),
        path("/health/ready").get(health::get_ready),
        path(docs::DOCUMENT).get(docs::get_document).undocumented(),
        path("/docs").get(docs::get_docs).undocumented(),
        path("/docs/errors/{code}").get(docs::get_error_page).undocumented(),
        path("/docs/{file:.*}").get(docs::get_docs_file).undocumented(),
    ]
}

#[cfg(test)]
mod tests;
