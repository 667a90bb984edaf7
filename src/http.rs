//! The public face: JSON over HTTP, errors as RFC 9457 problems. The whole route table is in this file.
//!
//! Invariants kept here: **DEL-1** (202 comes after the engine's answer), **DEL-2** (the fingerprint is over the raw
//! bytes), **DEL-9** (no value of a request in an error, a log line, a metric or a URL), **DEL-12** (every body and
//! every stream is bounded).
//!
//! Deliberately absent: rules and SQL; keys in addresses; cookies and sessions.

mod admin;
mod auth;
mod campaigns;
mod consent;
mod docs;
mod error;
mod events;
mod gate;
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
mod opens;
mod pages;
mod preferences;
mod query;
mod recipients;
mod relay;
mod state;
mod table;
mod templates;
mod unsubscribe;
mod visits;
mod webhooks;

use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Scope};

use admin::{accounts, actors, api_keys, audit, endpoints, settings, tenants};
use consent::{consents, suppressions, wishes};
use error::{ApiError, Code};
use events::{history, stream};
use gate::{dry_run, policies, simulate};
use messages::{act, batch, create, read, timeline};
use recipients::{import, merge};
use table::{Path, path};
use templates::{change, message_templates, render};

pub(crate) use gate::preset::{install as install_preset, preset_policy};
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
fn routes() -> Vec<Path> {
    let all = [of_messages(), of_the_gate(), of_templates(), of_campaigns(), of_outside(), of_administration()];
    all.into_iter().flatten().collect()
}

#[rustfmt::skip]
fn of_messages() -> Vec<Path> {
    vec![
        path("/api/v1/messaging/messages").get(read::list_messages).post(create::create_message).by_owner(&["POST"]),
        path("/api/v1/messaging/messages/batch").post(batch::create_batch).by_owner(&["POST"]),
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

        path("/api/v1/messaging/recipients")
            .get(recipients::list_recipients).post(recipients::create_recipient).by_owner(&["POST"]),
        path("/api/v1/messaging/recipients/import").post(import::import_recipients).by_owner(&["POST"]),
        path("/api/v1/messaging/recipients/search").post(recipients::search_recipients),
        path("/api/v1/messaging/recipients/{id}")
            .get(recipients::get_recipient_by_id).patch(recipients::update_recipient)
            .delete(recipients::deactivate_recipient).by_owner(&["PATCH", "DELETE"]),
        path("/api/v1/messaging/recipients/{id}/merge").post(merge::merge_recipient).by_owner(&["POST"]),
        path("/api/v1/messaging/recipients/{id}/unmerge").post(merge::unmerge_recipient).by_owner(&["POST"]),
        path("/api/v1/messaging/recipients/{id}/consents")
            .get(consents::list_recipient_consents).post(consents::create_recipient_consent).by_owner(&["POST"]),
        path("/api/v1/messaging/recipients/{id}/consents/revoke")
            .post(consents::revoke_recipient_consent).by_owner(&["POST"]),
        path("/api/v1/messaging/recipients/{id}/preferences")
            .get(wishes::get_recipient_preferences).put(wishes::put_recipient_preferences).by_owner(&["PUT"]),
        path("/api/v1/messaging/recipients/{id}/preferences/history").get(wishes::list_recipient_preference_history),
        path("/api/v1/messaging/recipients/{id}/terms")
            .get(wishes::list_recipient_terms).post(wishes::accept_recipient_terms),
        path("/api/v1/messaging/suppressions")
            .get(suppressions::list_suppressions).post(suppressions::create_suppression).by_owner(&["POST"]),
        path("/api/v1/messaging/suppressions/lift").post(suppressions::lift_suppression).by_owner(&["POST"]),
    ]
}

#[rustfmt::skip]
fn of_the_gate() -> Vec<Path> {
    vec![
        path("/api/v1/messaging/gate/policy").get(policies::get_policy),
        path("/api/v1/messaging/gate/policies")
            .get(policies::list_gate_policies).post(policies::create_gate_policy).by_owner(&["POST"]),
        path("/api/v1/messaging/gate/policies/{version}").get(policies::get_gate_policy),
        path("/api/v1/messaging/gate/policies/{version}/activate")
            .post(policies::activate_gate_policy).by_owner(&["POST"]),
        path("/api/v1/messaging/gate/policies/{version}/dry-run").post(dry_run::dry_run_gate_policy),
        path("/api/v1/messaging/gate/message-types").get(gate::types::list_message_types),
        path("/api/v1/messaging/gate/simulate").post(simulate::simulate_message),
    ]
}

#[rustfmt::skip]
fn of_templates() -> Vec<Path> {
    vec![
        path("/api/message-templates")
            .get(message_templates::list_message_templates).post(message_templates::create_message_template),
        path("/api/message-templates/{id}")
            .get(message_templates::get_message_template).put(message_templates::update_message_template),
        path("/api/message-templates/{id}/render").get(message_templates::render_message_template),
        path("/api/v1/messaging/templates").get(templates::read::list_templates).post(change::create_template),
        path("/api/v1/messaging/templates/validate").post(change::validate_template),
        path("/api/v1/messaging/templates/{id}").get(templates::read::get_template).put(change::update_template),
        path("/api/v1/messaging/templates/{id}/versions").get(templates::read::list_template_versions),
        path("/api/v1/messaging/templates/{id}/history").get(templates::read::list_template_history),
        path("/api/v1/messaging/templates/{id}/diff").get(templates::read::diff_template),
        path("/api/v1/messaging/templates/{id}/restore").post(change::restore_template),
        path("/api/v1/messaging/templates/{id}/publish").post(change::publish_template),
        path("/api/v1/messaging/templates/{id}/archive").post(change::archive_template),
        path("/api/v1/messaging/templates/{id}/copy").post(change::copy_template),
        path("/api/v1/messaging/templates/{id}/render")
            .get(render::render_template_by_get).post(render::render_template),
        path("/api/v1/messaging/templates/{id}/preview").post(render::preview_template),
        path("/api/v1/messaging/templates/{id}/test-send").post(render::test_send_template).by_owner(&["POST"]),
    ]
}

#[rustfmt::skip]
fn of_campaigns() -> Vec<Path> {
    vec![
        path("/api/v1/messaging/bulk-sends").get(campaigns::read::list_bulk_sends).post(campaigns::create_bulk_send),
        path("/api/v1/messaging/bulk-sends/{id}").get(campaigns::read::get_bulk_send),
        path("/api/v1/messaging/bulk-sends/{id}/recipients").post(campaigns::upload::upload_bulk_recipients),
        path("/api/v1/messaging/bulk-sends/{id}/rows").get(campaigns::read::list_bulk_rows),
        path("/api/v1/messaging/bulk-sends/{id}/count").post(campaigns::act::count_bulk_send).by_owner(&["POST"]),
        path("/api/v1/messaging/bulk-sends/{id}/start").post(campaigns::act::start_bulk_send).by_owner(&["POST"]),
        path("/api/v1/messaging/bulk-sends/{id}/pause").post(campaigns::act::pause_bulk_send).by_owner(&["POST"]),
        path("/api/v1/messaging/bulk-sends/{id}/resume").post(campaigns::act::resume_bulk_send).by_owner(&["POST"]),
        path("/api/v1/messaging/bulk-sends/{id}/cancel").post(campaigns::act::cancel_bulk_send).by_owner(&["POST"]),
    ]
}

#[rustfmt::skip]
fn of_outside() -> Vec<Path> {
    vec![
        path("/webhooks/{vendor}/{token}")
            .get(webhooks::receive_webhook_by_get).post(webhooks::receive_webhook).by_owner(&["GET", "POST"]),

        path("/l/{token}").get(links::follow_link).head(links::follow_link).by_owner(&["GET"]),
        path("/o/{token}").get(opens::show_pixel).head(opens::show_pixel).by_owner(&["GET"]),
        path("/p/{token}")
            .get(preferences::show_preferences).post(preferences::save_preferences).by_owner(&["POST"]),
        path("/u/{token}")
            .get(unsubscribe::show_unsubscribe).post(unsubscribe::unsubscribe).by_owner(&["POST"]),
    ]
}

#[rustfmt::skip]
fn of_administration() -> Vec<Path> {
    vec![
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
