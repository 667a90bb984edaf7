//! A message to somebody whom the tenant keeps here, and a message that a template says: what the body leaves out comes from
//! the recipient's own record and from the template, before the message is prepared as any other. What many requests name is
//! read at once: nobody twice, no template twice.

use std::collections::{BTreeMap, BTreeSet};

use carepost_campaigns::rules::fill::{FillError, Speaker, addresses_of};
use carepost_consent::Desk;
use carepost_consent::commands::list_people;
use carepost_consent::message_types;
use carepost_consent::policy::{CompiledPolicy, GatePolicy};
use carepost_consent::store::policy_in_force;
use carepost_consent::types::{Actor, Recipient as Person};
use carepost_delivery::Recipient;
use carepost_delivery::prepare::EnqueueRequest;
use carepost_kernel::{Channel, Purpose, RecipientId, TemplateId};
use carepost_templates::types::Language;
use carepost_templates::{Ready, TemplateError};
use jiff::Timestamp;

use super::body::TemplateUseBody;
use crate::http::auth::Caller;
use crate::http::error::{ApiError, Code};
use crate::http::state::AppState;

/// A request as it came, and what it leaves to the tenant's records.
pub(in crate::http) struct Wanted {
    pub(in crate::http) request: EnqueueRequest,
    pub(in crate::http) template: Option<TemplateUseBody>,
}

impl Wanted {
    /// Most messages bring all that they need: for them nothing is read.
    pub(super) fn is_whole(&self) -> bool {
        self.template.is_none() && self.request.about.recipient_id.is_none()
    }
}

/// What some requests name.
pub(super) struct Records {
    people: BTreeMap<RecipientId, Person>,
    /// Each with its own fault, where it cannot be used.
    templates: BTreeMap<TemplateId, Result<Ready, ApiError>>,
    /// The policy in force, which templates are filled with.
    policy: GatePolicy,
    now: Timestamp,
}

/// Completes a request from the records that it names. Reads only; one transaction.
///
/// # Errors
/// The field that names nobody, no template, or something that cannot be filled; 503 where the database is away.
pub(in crate::http) async fn complete(
    wanted: Wanted,
    caller: &Caller,
    state: &AppState,
) -> Result<EnqueueRequest, ApiError> {
    if wanted.is_whole() {
        return Ok(wanted.request);
    }
    Records::read(std::iter::once(&wanted), caller, state).await?.complete(wanted, caller, state)
}

impl Records {
    /// Reads what these requests name, in one transaction.
    ///
    /// # Errors
    /// Where the database is away, or something of ours fails. What one request names in vain is that one's fault.
    pub(super) async fn read<'wanted>(
        wanted: impl Iterator<Item = &'wanted Wanted> + Clone,
        caller: &Caller,
        state: &AppState,
    ) -> Result<Self, ApiError> {
        let now = state.clock.now();
        let mut connection = state.connection(&caller.tenant).await?;
        let tx = connection.begin().await?;
        let ids: BTreeSet<RecipientId> = wanted.clone().filter_map(|one| one.request.about.recipient_id).collect();
        let people = match ids.is_empty() {
            true => BTreeMap::new(),
            false => {
                let actor = Actor::api_key(caller.principal.api_key_id);
                let desk = Desk { tx: &tx, tenant: &caller.tenant, actor: &actor, now };
                // A record that was merged is spoken to as the one that stands for it.
                list_people(&desk, &ids.into_iter().collect::<Vec<_>>()).await?
            }
        };
        let (mut templates, mut policy) = (BTreeMap::new(), GatePolicy::default());
        let used: BTreeSet<TemplateId> = wanted.filter_map(|one| Some(one.template.as_ref()?.id)).collect();
        if !used.is_empty() {
            let in_force = policy_in_force(&tx, now).await?;
            policy = in_force.map_or(policy, |stored| CompiledPolicy::of_stored(&stored.body).0.source().clone());
        }
        for template_id in used {
            templates.insert(template_id, usable(state.renderer.published(&tx, template_id).await)?);
        }
        Ok(Self { people, templates, policy, now })
    }

    /// Completes one of the requests that this was read for.
    ///
    /// # Errors
    /// As [`complete`].
    pub(super) fn complete(
        &self,
        wanted: Wanted,
        caller: &Caller,
        state: &AppState,
    ) -> Result<EnqueueRequest, ApiError> {
        let Wanted { mut request, template } = wanted;
        let person = request.about.recipient_id.map(|recipient_id| self.person(recipient_id)).transpose()?;
        if let Some(person) = person {
            address(&mut request, person);
        }
        if let Some(template) = template {
            self.fill(&mut request, &template, person, caller, state)?;
        }
        Ok(request)
    }

    fn person(&self, recipient_id: RecipientId) -> Result<&Person, ApiError> {
        let fault = |problem| ApiError::field(Code::ValidationFailed, "/recipient_id", problem);
        let found = self.people.get(&recipient_id).ok_or_else(|| fault("names no recipient"))?;
        if found.is_active { Ok(found) } else { Err(fault("names a recipient who is not active")) }
    }
}

/// A template that cannot be used is the fault of those who name it; anything else is nobody's.
fn usable(found: Result<Ready, TemplateError>) -> Result<Result<Ready, ApiError>, ApiError> {
    match found {
        Ok(ready) => Ok(Ok(ready)),
        Err(TemplateError::NotFound(_)) => {
            Ok(Err(ApiError::field(Code::ValidationFailed, "/template/id", "names no template")))
        }
        Err(error) => {
            let error = ApiError::from(error);
            if error.is_passing() || error.code() == Code::Internal { Err(error) } else { Ok(Err(error)) }
        }
    }
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

impl Records {
    fn fill(
        &self,
        request: &mut EnqueueRequest,
        template: &TemplateUseBody,
        person: Option<&Person>,
        caller: &Caller,
        state: &AppState,
    ) -> Result<(), ApiError> {
        let says =
            request.body.is_some() || request.sms.is_some() || request.email.is_some() || request.in_app.is_some();
        if says {
            let problem = "cannot stand beside content: the template says it";
            return Err(ApiError::field(Code::ValidationFailed, "/template", problem));
        }
        let ready = self.templates.get(&template.id);
        let ready = ready.ok_or_else(|| ApiError::new(Code::Internal, "a template was not read"))?;
        let ready = ready.as_ref().map_err(Clone::clone)?;
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
        let asked = request.about.language.as_deref().or(person.map(|person| person.language.as_str()));
        let language = asked.unwrap_or(&self.policy.practice.language);
        let language = Language::of_tag(language).unwrap_or(Language::En);
        request.about.language = Some(language.as_str().to_owned());
        let speaker = Speaker {
            practice: &self.policy.practice,
            public_url: &state.public_url,
            tenant: &caller.tenant,
            now: self.now,
        };
        speaker.fill(request, &ready.compiled, language, &template.variables, person).map_err(unfilled)
    }
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
