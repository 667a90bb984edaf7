//! A message to somebody whom the tenant keeps here, and a message that a template says: what the body leaves out comes from
//! the recipient's own record and from the template, before the message is prepared as any other. What many requests name is
//! read at once: nobody twice, no template twice.

use std::collections::{BTreeMap, BTreeSet};

use carepost_campaigns::rules::fill::{FillError, Speaker, addresses_of};
use carepost_campaigns::rules::plan::{Plan, SERVED};
use carepost_consent::Desk;
use carepost_consent::commands::list_people;
use carepost_consent::policy::CompiledPolicy;
use carepost_consent::store::{list_first_channels, rules_in_force};
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
    /// Most messages bring all that they need: for them nothing is read. What a type means is the practice's to say.
    pub(super) fn is_whole(&self) -> bool {
        let about = &self.request.about;
        self.template.is_none() && about.recipient_id.is_none() && about.message_type.is_none()
    }
}

/// What some requests name.
pub(super) struct Records {
    people: BTreeMap<RecipientId, Person>,
    /// The channels that they want to be tried first, by the ids of the records that stand for them.
    preferred: BTreeMap<RecipientId, Channel>,
    /// Each with its own fault, where it cannot be used.
    templates: BTreeMap<TemplateId, Result<Ready, ApiError>>,
    /// The policy in force.
    policy: CompiledPolicy,
    now: Timestamp,
}

/// Completes a request from the records that it names, as they are at that instant. Reads only; one transaction.
///
/// # Errors
/// The field that names nobody, no template, or something that cannot be filled; 503 where the database is away.
pub(in crate::http) async fn complete(
    wanted: Wanted,
    caller: &Caller,
    state: &AppState,
    now: Timestamp,
) -> Result<EnqueueRequest, ApiError> {
    if wanted.is_whole() {
        return Ok(wanted.request);
    }
    Records::read(std::iter::once(&wanted), caller, state, now).await?.complete(wanted, caller, state)
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
        now: Timestamp,
    ) -> Result<Self, ApiError> {
        let mut connection = state.connection(&caller.tenant).await?;
        let tx = connection.begin().await?;
        let policy = rules_in_force(&tx, now).await?;
        let ids: BTreeSet<RecipientId> = wanted.clone().filter_map(|one| one.request.about.recipient_id).collect();
        let (mut people, mut preferred) = (BTreeMap::new(), BTreeMap::new());
        if !ids.is_empty() {
            let actor = Actor::api_key(caller.principal.api_key_id);
            let desk = Desk { tx: &tx, tenant: &caller.tenant, actor: &actor, now };
            // A record that was merged is spoken to as the one that stands for it.
            people = list_people(&desk, &ids.into_iter().collect::<Vec<_>>()).await?;
            let standing: Vec<RecipientId> = people.values().map(|person| person.recipient_id).collect();
            preferred = list_first_channels(&tx, &standing).await?;
        }
        let mut templates = BTreeMap::new();
        let used: BTreeSet<TemplateId> = wanted.filter_map(|one| Some(one.template.as_ref()?.id)).collect();
        for template_id in used {
            templates.insert(template_id, usable(state.renderer.published(&tx, template_id).await)?);
        }
        Ok(Self { people, preferred, templates, policy, now })
    }

    /// Completes one of the requests that this was read for. What the template says of itself comes first: the type that it
    /// names decides where the message goes.
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
        let ready = template.as_ref().map(|template| self.template(&request, template)).transpose()?;
        if let Some(ready) = ready {
            self.describe(&mut request, ready)?;
        }
        let key = request.about.message_type.as_deref();
        request.message_type = key.and_then(|key| self.policy.message_type(key)).cloned();
        let offered = ready.map_or_else(|| said(&request), |ready| ready.compiled.channels().collect());
        if let Some(person) = person {
            self.address(&mut request, person, &offered);
        }
        if let (Some(template), Some(ready)) = (template, ready) {
            self.fill(&mut request, (&template, ready), person, caller, state)?;
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

/// The channels that a request says something for; all, where it says nothing.
fn said(request: &EnqueueRequest) -> Vec<Channel> {
    let EnqueueRequest { body, sms, email, in_app, .. } = request;
    let own = [(Channel::Sms, sms.is_some()), (Channel::Email, email.is_some()), (Channel::InApp, in_app.is_some())];
    let is_for_all = body.is_some() || !own.iter().any(|(_, is_said)| *is_said);
    own.into_iter().filter(|(_, is_said)| is_for_all || *is_said).map(|(channel, _)| channel).collect()
}

impl Records {
    /// The template of a request.
    fn template(&self, request: &EnqueueRequest, template: &TemplateUseBody) -> Result<&Ready, ApiError> {
        let says =
            request.body.is_some() || request.sms.is_some() || request.email.is_some() || request.in_app.is_some();
        if says {
            let problem = "cannot stand beside content: the template says it";
            return Err(ApiError::field(Code::ValidationFailed, "/template", problem));
        }
        let ready = self.templates.get(&template.id);
        let ready = ready.ok_or_else(|| ApiError::new(Code::Internal, "a template was not read"))?;
        ready.as_ref().map_err(Clone::clone)
    }

    /// Type, purpose and topic of the template, where the message says none.
    fn describe(&self, request: &mut EnqueueRequest, ready: &Ready) -> Result<(), ApiError> {
        let meta = &ready.template.meta;
        let type_key = request.about.message_type.take().or_else(|| meta.type_key.clone());
        // A type of the practice's own making is none that the gate knows: purpose and topic stand beside it.
        let type_key = type_key.filter(|key| self.policy.message_type(key).is_some());
        let (purpose, topic) = self.policy.of_template(type_key.as_deref(), (meta.purpose, meta.topic));
        if purpose == Purpose::Marketing && request.purpose.is_some_and(|purpose| purpose != Purpose::Marketing) {
            // Whoever calls it something else would pass by what advertising needs: consent in writing, and its hours.
            return Err(ApiError::field(Code::ValidationFailed, "/purpose", "is marketing: the template is"));
        }
        request.purpose = request.purpose.or(Some(purpose));
        request.about.topic = request.about.topic.or(Some(topic));
        request.about.message_type = type_key;
        request.about.template = Some((ready.template.template_id, ready.version));
        Ok(())
    }

    /// Addresses and a plan of the recipient's own, where the caller names none (HUB-003).
    fn address(&self, request: &mut EnqueueRequest, person: &Person, offered: &[Channel]) {
        request.about.recipient_id = Some(person.recipient_id);
        let known = addresses_of(person);
        let given = std::mem::take(&mut request.to);
        request.to = Recipient {
            phone: given.phone.or(known.phone),
            email: given.email.or(known.email),
            in_app: given.in_app.or(known.in_app),
        };
        if request.channels.is_empty() {
            let (of_type, purpose, strategy) = (request.message_type.as_ref(), request.purpose, request.strategy);
            let preferred = self.preferred.get(&person.recipient_id).copied();
            request.channels = Plan { of_type, purpose, offered, strategy, preferred }.of(person, &request.to);
        }
    }

    fn fill(
        &self,
        request: &mut EnqueueRequest,
        (template, ready): (&TemplateUseBody, &Ready),
        person: Option<&Person>,
        caller: &Caller,
        state: &AppState,
    ) -> Result<(), ApiError> {
        if request.channels.is_empty() {
            let addressed = |channel: &Channel| request.to.address(*channel).is_some();
            request.channels = SERVED.into_iter().filter(addressed).collect();
        }
        let practice = &self.policy.source().practice;
        let asked = request.about.language.as_deref().or(person.map(|person| person.language.as_str()));
        let language = asked.unwrap_or(&practice.language);
        let language = Language::of_tag(language).unwrap_or(Language::En);
        request.about.language = Some(language.as_str().to_owned());
        let speaker = Speaker { practice, public_url: &state.public_url, tenant: &caller.tenant, now: self.now };
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
