//! A message to somebody whom the tenant keeps here, and a message that a template says: what the body leaves out comes from
//! the recipient's own record and from the template, before the message is prepared as any other.

use carepost_campaigns::rules::fill::{FillError, Speaker, addresses_of};
use carepost_consent::Desk;
use carepost_consent::commands::list_people;
use carepost_consent::message_types;
use carepost_consent::policy::GatePolicy;
use carepost_consent::store::policy_in_force;
use carepost_consent::types::{Actor, Recipient as Person};
use carepost_delivery::Recipient;
use carepost_delivery::prepare::EnqueueRequest;
use carepost_kernel::{Channel, Purpose, RecipientId};
use carepost_store::TenantTx;
use carepost_templates::types::Language;

use super::body::TemplateUseBody;
use crate::http::auth::Caller;
use crate::http::error::{ApiError, Code};
use crate::http::state::AppState;

/// Completes a request from the records that it names. Reads only; one transaction.
///
/// # Errors
/// The field that names nobody, no template, or something that cannot be filled; 503 where the database is away.
pub(in crate::http) async fn complete(
    request: &mut EnqueueRequest,
    template: Option<TemplateUseBody>,
    caller: &Caller,
    state: &AppState,
) -> Result<(), ApiError> {
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let person = match request.about.recipient_id {
        Some(recipient_id) => Some(person(&tx, caller, state, recipient_id).await?),
        None => None,
    };
    if let Some(person) = &person {
        address(request, person);
    }
    match template {
        Some(template) => fill(request, template, person.as_ref(), caller, state, &tx).await,
        None => Ok(()),
    }
}

async fn person(
    tx: &TenantTx<'_>,
    caller: &Caller,
    state: &AppState,
    recipient_id: RecipientId,
) -> Result<Person, ApiError> {
    let actor = Actor::api_key(caller.principal.api_key_id);
    let desk = Desk { tx, tenant: &caller.tenant, actor: &actor, now: state.clock.now() };
    let fault = |problem| ApiError::field(Code::ValidationFailed, "/recipient_id", problem);
    // A record that was merged is spoken to as the one that stands for it.
    let found = list_people(&desk, &[recipient_id]).await?.remove(&recipient_id);
    let found = found.ok_or_else(|| fault("names no recipient"))?;
    if found.is_active { Ok(found) } else { Err(fault("names a recipient who is not active")) }
}

/// Addresses and a plan of the recipient's own, where the caller names none (HUB-003): the channels of the message's type
/// that the recipient is reached on, the one that they prefer first.
fn address(request: &mut EnqueueRequest, person: &Person) {
    request.about.recipient_id = Some(person.recipient_id);
    let known = addresses_of(person);
    let given = std::mem::take(&mut request.to);
    request.to = Recipient {
        phone: given.phone.or(known.phone),
        email: given.email.or(known.email),
        in_app: given.in_app.or(known.in_app),
    };
    if request.channels.is_empty() {
        let of_type = request.about.message_type.as_deref().and_then(message_types::shipped);
        let offered =
            of_type.map_or_else(|| vec![Channel::Sms, Channel::Email, Channel::InApp], |of| of.channels.clone());
        let has_address = |channel: &Channel| request.to.address(*channel).is_some();
        request.channels = offered.into_iter().filter(has_address).collect();
    }
}

async fn fill(
    request: &mut EnqueueRequest,
    template: TemplateUseBody,
    person: Option<&Person>,
    caller: &Caller,
    state: &AppState,
    tx: &TenantTx<'_>,
) -> Result<(), ApiError> {
    let says = request.body.is_some() || request.sms.is_some() || request.email.is_some() || request.in_app.is_some();
    if says {
        let problem = "cannot stand beside content: the template says it";
        return Err(ApiError::field(Code::ValidationFailed, "/template", problem));
    }
    let ready = state.renderer.published(tx, template.id).await.map_err(|error| match error {
        carepost_templates::TemplateError::NotFound(_) => {
            ApiError::field(Code::ValidationFailed, "/template/id", "names no template")
        }
        error => error.into(),
    })?;
    let meta = &ready.template.meta;
    if meta.purpose == Purpose::Marketing && request.purpose.is_some_and(|purpose| purpose != Purpose::Marketing) {
        // Whoever calls it something else would pass by what advertising needs: consent in writing, and its hours.
        return Err(ApiError::field(Code::ValidationFailed, "/purpose", "is marketing: the template is"));
    }
    request.purpose = request.purpose.or(Some(meta.purpose));
    request.about.topic = request.about.topic.or(Some(meta.topic));
    let type_key = request.about.message_type.take().or_else(|| meta.type_key.clone());
    request.about.message_type = type_key.filter(|key| message_types::shipped(key).is_some());
    request.about.template = Some((ready.template.template_id, ready.version));
    if request.channels.is_empty() {
        let addressed = |channel: &Channel| request.to.address(*channel).is_some();
        request.channels = [Channel::Sms, Channel::Email, Channel::InApp].into_iter().filter(addressed).collect();
    }
    let in_force = policy_in_force(tx, state.clock.now()).await?;
    let policy = in_force.map_or_else(GatePolicy::default, |stored| {
        carepost_consent::policy::CompiledPolicy::of_stored(&stored.body).0.source().clone()
    });
    let asked = request.about.language.as_deref().or(person.map(|person| person.language.as_str()));
    let language = Language::of_tag(asked.unwrap_or(&policy.practice.language)).unwrap_or(Language::En);
    request.about.language = Some(language.as_str().to_owned());
    let speaker = Speaker {
        practice: &policy.practice,
        public_url: &state.public_url,
        tenant: &caller.tenant,
        now: state.clock.now(),
    };
    speaker.fill(request, &ready.compiled, language, &template.variables, person).map_err(unfilled)
}

fn unfilled(error: FillError) -> ApiError {
    match error {
        FillError::Render(error) => ApiError::from(error).below("/template"),
        FillError::NoVariant => {
            ApiError::field(Code::ValidationFailed, "/template/id", "has no text for these channels")
        }
        FillError::Link => ApiError::new(Code::Internal, "a link could not be made"),
    }
}
