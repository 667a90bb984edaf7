//! The OpenAPI 3.1 document, made from the handlers. What all of them share is added here: security schemes, and the
//! problems that any operation of a kind may be answered with.

use actix_web::web::Bytes;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi as Document, Ref, RefOr};
use utoipa::{Modify, OpenApi};

use super::error::{Code, FaultView, ProblemView};
use super::{
    admin, campaigns, consent, events, gate, health, in_app, inbound, links, messages, opens, preferences, recipients,
    templates, unsubscribe, webhooks,
};

/// The document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "carepost",
        description = "Delivers messages to patients by SMS, email and in-app, once, or says exactly why not. \
            Errors are RFC 9457 problems; each `type` leads to a page.",
    ),
    paths(
        messages::create::create_message,
        messages::batch::create_batch,
        messages::read::list_messages,
        messages::read::search_messages,
        messages::read::get_message_by_id,
        messages::timeline::get_timeline,
        messages::act::cancel_message,
        messages::act::redrive_messages,
        events::stream::stream_events,
        events::history::list_events,
        in_app::list_in_app_messages,
        in_app::read_in_app_message,
        in_app::stream_in_app,
        inbound::list_inbound_messages,
        unsubscribe::show_unsubscribe,
        unsubscribe::unsubscribe,
        preferences::show_preferences,
        preferences::save_preferences,
        links::follow_link,
        opens::show_pixel,
        recipients::list_recipients,
        recipients::create_recipient,
        recipients::search_recipients,
        recipients::get_recipient_by_id,
        recipients::update_recipient,
        recipients::deactivate_recipient,
        recipients::import::import_recipients,
        recipients::merge::merge_recipient,
        recipients::merge::unmerge_recipient,
        consent::consents::list_recipient_consents,
        consent::consents::create_recipient_consent,
        consent::consents::revoke_recipient_consent,
        consent::wishes::get_recipient_preferences,
        consent::wishes::put_recipient_preferences,
        consent::wishes::list_recipient_preference_history,
        consent::wishes::list_recipient_terms,
        consent::wishes::accept_recipient_terms,
        consent::suppressions::list_suppressions,
        consent::suppressions::create_suppression,
        consent::suppressions::lift_suppression,
        templates::message_templates::list_message_templates,
        templates::message_templates::create_message_template,
        templates::message_templates::get_message_template,
        templates::message_templates::update_message_template,
        templates::message_templates::render_message_template,
        templates::read::list_templates,
        templates::change::create_template,
        templates::change::validate_template,
        templates::read::get_template,
        templates::change::update_template,
        templates::read::list_template_versions,
        templates::read::list_template_history,
        templates::read::diff_template,
        templates::change::restore_template,
        templates::change::publish_template,
        templates::change::archive_template,
        templates::change::copy_template,
        templates::render::render_template_by_get,
        templates::render::render_template,
        templates::render::preview_template,
        templates::render::test_send_template,
        campaigns::create_bulk_send,
        campaigns::read::list_bulk_sends,
        campaigns::read::get_bulk_send,
        campaigns::read::list_bulk_rows,
        campaigns::upload::upload_bulk_recipients,
        campaigns::act::count_bulk_send,
        campaigns::act::start_bulk_send,
        campaigns::act::pause_bulk_send,
        campaigns::act::resume_bulk_send,
        campaigns::act::cancel_bulk_send,
        gate::policies::get_policy,
        gate::policies::list_gate_policies,
        gate::policies::get_gate_policy,
        gate::policies::create_gate_policy,
        gate::policies::activate_gate_policy,
        gate::dry_run::dry_run_gate_policy,
        gate::types::list_message_types,
        gate::simulate::simulate_message,
        webhooks::receive_webhook,
        webhooks::receive_webhook_by_get,
        admin::tenants::create_tenant,
        admin::tenants::list_tenants,
        admin::tenants::get_tenant,
        admin::tenants::pause_tenant,
        admin::tenants::resume_tenant,
        admin::settings::get_settings,
        admin::settings::put_settings,
        admin::api_keys::create_api_key,
        admin::api_keys::list_api_keys,
        admin::api_keys::revoke_api_key,
        admin::accounts::create_provider_account,
        admin::accounts::list_provider_accounts,
        admin::accounts::update_provider_account,
        admin::accounts::pause_provider_account,
        admin::accounts::resume_provider_account,
        admin::accounts::close_provider_account,
        admin::endpoints::create_webhook_endpoint,
        admin::endpoints::list_webhook_endpoints,
        admin::endpoints::get_webhook_endpoint,
        admin::endpoints::update_webhook_endpoint,
        admin::endpoints::remove_webhook_endpoint,
        admin::audit::list_audit_events,
        admin::actors::list_actors,
        health::get_live,
        health::get_ready,
    ),
    components(schemas(ProblemView, FaultView, events::view::EventView, in_app::InAppMessageView)),
    modifiers(&Security, &Problems),
    tags(
        (name = "messages", description = "Sending, finding, explaining."),
        (name = "events", description = "What happens to messages, as it happens."),
        (name = "in-app", description = "The recipients' own inboxes."),
        (name = "inbound", description = "Messages from outside."),
        (name = "pages", description = "What recipients open, and their mail programs call: the token is the key."),
        (name = "recipients", description = "People and where they are reached."),
        (name = "consent", description = "What they have consented to, what they wish, and who gets nothing."),
        (name = "gate", description = "Whether, when and how a message may leave: the policy, and what it would say."),
        (name = "templates", description = "What messages look like, on each channel and in each language."),
        (name = "bulk-sends", description = "One content to many recipients, counted before anything leaves."),
        (name = "webhooks", description = "What vendors call."),
        (name = "admin", description = "Configuration, audited and reversible."),
        (name = "health", description = "Signs of life."),
    ),
)]
struct Api;

/// The document as a value.
#[must_use]
pub fn document() -> Document {
    Api::openapi()
}

/// The document as it is served.
///
/// # Panics
/// Never: the document is strings, lists and maps with names for keys.
#[must_use]
pub fn render() -> Bytes {
    serde_json::to_vec(&document()).expect("a document of strings, lists and maps is JSON").into()
}

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        let bearer = |format: &str, description: &str| {
            let builder = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format(format);
            SecurityScheme::Http(builder.description(Some(description)).build())
        };
        let scheme = bearer("cp_…", "A key of the tenant's, with scopes.");
        components.add_security_scheme("api_key", scheme);
        let scheme = bearer("opaque", "The token of the deployment's administrator.");
        components.add_security_scheme("admin_token", scheme);
    }
}

struct Problems;

impl Modify for Problems {
    fn modify(&self, document: &mut Document) {
        for (path, item) in &mut document.paths.paths {
            // Neither is answered with problems: health says how it is, and people get pages.
            let has_problems = !path.starts_with("/health/") && !is_page(path);
            for operation in operations(item).into_iter().filter(|_| has_problems) {
                for code in problems_of(path, operation) {
                    let status = code.status().as_u16().to_string();
                    operation.responses.responses.entry(status).or_insert_with(|| RefOr::T(problem(code)));
                }
            }
        }
    }
}

fn operations(item: &mut PathItem) -> Vec<&mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete]
        .into_iter()
        .filter_map(Option::as_mut)
        .collect()
}

/// Whether a path is for people and what they read mail with.
fn is_page(path: &str) -> bool {
    ["/l/", "/o/", "/p/", "/u/"].iter().any(|start| path.starts_with(start))
}

/// With what an operation may be answered, from its shape.
fn problems_of(path: &str, operation: &Operation) -> Vec<Code> {
    let mut codes = vec![Code::Internal, Code::Unavailable];
    let parameters = operation.parameters.as_deref().unwrap_or_default();
    let is_at = |parameter: &RefOr<Parameter>, place: &ParameterIn| match parameter {
        RefOr::T(parameter) => parameter.parameter_in == *place,
        RefOr::Ref(_) => false,
    };
    let has = |place: &ParameterIn| parameters.iter().any(|parameter| is_at(parameter, place));
    if path.starts_with("/webhooks/") {
        codes.extend([Code::MalformedWebhook, Code::WebhookRefused, Code::NotFound, Code::BodyTooLarge]);
        return codes;
    }
    codes.extend([Code::Unauthenticated, Code::Forbidden]);
    if operation.request_body.is_some() {
        codes.extend([Code::InvalidBody, Code::BodyTooLarge, Code::UnsupportedMediaType, Code::ValidationFailed]);
    }
    if has(&ParameterIn::Query) || has(&ParameterIn::Header) {
        codes.push(Code::InvalidRequest);
    }
    if has(&ParameterIn::Path) {
        codes.push(Code::NotFound);
    }
    if path.starts_with("/api/v1/messaging/messages") && operation.request_body.is_some() {
        codes.push(Code::Throttled);
    }
    let is_merge = path.ends_with("/merge") || path.ends_with("/unmerge");
    if is_merge || (path.ends_with("/preferences") && operation.request_body.is_some()) {
        codes.push(Code::Conflict);
    }
    let is_template = path.contains("/templates") || path.contains("/message-templates");
    // What a text or its variables lack is told field by field, in answers to GET as well.
    if is_template && (has(&ParameterIn::Path) || operation.request_body.is_some()) {
        codes.extend([Code::ValidationFailed, Code::Conflict]);
    }
    let is_bulk = path.starts_with("/api/v1/messaging/bulk-sends");
    if is_bulk && !operation.operation_id.as_deref().is_some_and(|id| id.starts_with("list_") || id.starts_with("get_"))
    {
        codes.push(Code::Conflict);
    }
    if path.contains("/gate/policies/") {
        // A version that was sound may fail by now.
        codes.extend([Code::Conflict, Code::ValidationFailed]);
    }
    if path.ends_with("/test-send") {
        codes.push(Code::Throttled);
    }
    let changes_state = operation.request_body.is_some() || path.ends_with("/pause") || path.ends_with("/resume");
    if path.starts_with("/api/v1/admin/") && changes_state {
        codes.push(Code::Conflict);
    }
    codes
}

fn problem(code: Code) -> Response {
    let schema = Ref::from_schema_name("ProblemView");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let description = format!("A problem, for example `{}`.", code.as_str());
    ResponseBuilder::new().description(description).content("application/problem+json", content).build()
}

#[cfg(test)]
mod tests;
