//! From a row to a message: whom it reaches, what it says to them, and the key that makes it one message (CAM-2).

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use url::Url;

use carepost_consent::policy::{CompiledPolicy, Practice};
use carepost_consent::types::{AddressKey, Recipient as Person};
use carepost_delivery::prepare::{self, EnqueueRequest, PrepareContext, PrepareError};
use carepost_delivery::types::{About, Delivery, IdempotencyClaim, NewMessage, Recipient, Strategy};
use carepost_kernel::{BulkSendId, Channel, Priority, Purpose, RecipientId, Topic};
use carepost_templates::error::RenderError;
use carepost_templates::rules::{CompiledTemplate, compile};
use carepost_templates::types::Language;
use carepost_tenancy::TenantHandle;

use super::fill::{Speaker, addresses_of};
use super::plan::Plan;
use crate::error::{CampaignError, Tried as _};
use crate::types::{BulkContent, BulkSend, FedRow, FixedContent, RowOutcome, RowState, RowVerdict, Said};

/// As long as a tenant may keep keys at most: no row waits for longer between its message and its mark.
const KEYS_KEPT: SignedDuration = SignedDuration::from_hours(720);

/// Content that is ready to be filled.
pub enum ReadyContent {
    /// A template.
    Template(Box<CompiledTemplate>),
    /// The same for everybody.
    Fixed(Box<FixedContent>),
}

impl ReadyContent {
    /// Makes content ready.
    ///
    /// # Errors
    /// Where a stored template does not compile: it did when the send was made.
    pub fn new(content: &BulkContent) -> Result<Self, CampaignError> {
        Ok(match content {
            BulkContent::Fixed(fixed) => Self::Fixed(fixed.clone()),
            BulkContent::Template(content) => {
                Self::Template(Box::new(compile(content).map_err(|_| CampaignError::Row { column: "content_sealed" })?))
            }
        })
    }
}

/// What all rows of a send have in common.
pub struct Composer<'a> {
    /// The send.
    pub send: &'a BulkSend,
    /// What it says.
    pub content: &'a ReadyContent,
    /// Nobody named channels: each recipient's own come first.
    pub is_plan_open: bool,
    /// The policy in force.
    pub policy: &'a CompiledPolicy,
    /// Who speaks.
    pub practice: &'a Practice,
    /// Where links lead.
    pub public_url: &'a Url,
    /// Whose it is.
    pub tenant: &'a TenantHandle,
    /// The present instant.
    pub now: Timestamp,
}

/// A row as a message that is ready to be stored.
pub struct Composed {
    /// Its number in the list.
    pub row_no: i32,
    /// The message.
    pub message: NewMessage,
    /// One delivery for each channel of its plan, in order, as the gate is asked about it.
    pub deliveries: Vec<Delivery>,
}

impl Composed {
    /// The addresses that the gate has to know about.
    pub fn keys(&self) -> impl Iterator<Item = AddressKey> + '_ {
        self.deliveries.iter().map(address_of)
    }
}

/// The address of a delivery.
pub(crate) const fn address_of(delivery: &Delivery) -> AddressKey {
    AddressKey { channel: delivery.key.channel, address_hash: delivery.recipient_hash }
}

impl Composer<'_> {
    /// Makes a row a message; `preferred` is the channel that its recipient wants to be tried first.
    ///
    /// # Errors
    /// What becomes of a row that is none: refused without an address, or failed with the name of the variable or field.
    pub fn compose(
        &self,
        row: &FedRow,
        person: Option<&Person>,
        preferred: Option<Channel>,
    ) -> Result<Composed, Box<RowOutcome>> {
        let refused = |code| Err(Box::new(refusal(row.row_no, code)));
        if self.send.expires_at.is_some_and(|expires_at| expires_at <= self.now) {
            return refused("expired");
        }
        let to = match (row.recipient_id, person) {
            (None, _) => row.target.expose().to.clone(),
            (Some(_), Some(person)) if person.is_active => addresses_of(person),
            (Some(_), _) => return refused("recipient_inactive"),
        };
        let channels = self.channels(&to, person, preferred);
        if channels.is_empty() {
            return refused("no_address");
        }
        let request =
            self.request(row, person, to, channels).map_err(|error| Box::new(RowOutcome::failed(row.row_no, error)))?;
        self.prepare(row.row_no, request)
    }

    fn channels(&self, to: &Recipient, person: Option<&Person>, preferred: Option<Channel>) -> Vec<Channel> {
        let named = || self.send.channels.iter().copied().filter(|channel| to.address(*channel).is_some()).collect();
        let Some(person) = person.filter(|_| self.is_plan_open) else { return named() };
        let of_type = self.send.message_type.as_deref().and_then(|key| self.policy.message_type(key));
        let (purpose, offered) = (self.why().0, self.send.channels.as_slice());
        Plan { of_type, purpose, offered, strategy: Strategy::Fallback, preferred }.of(person, to)
    }

    /// Purpose and topic: a template's own as the policy in force has its type, else the caller's words.
    fn why(&self) -> (Option<Purpose>, Option<Topic>) {
        let BulkSend { template, message_type, purpose, topic, .. } = self.send;
        match (template, purpose, topic) {
            (Some(_), Some(purpose), Some(topic)) => {
                let (purpose, topic) = self.policy.of_template(message_type.as_deref(), (*purpose, *topic));
                (Some(purpose), Some(topic))
            }
            _ => (*purpose, *topic),
        }
    }

    fn request(
        &self,
        row: &FedRow,
        person: Option<&Person>,
        to: Recipient,
        channels: Vec<Channel>,
    ) -> Result<EnqueueRequest, String> {
        let language = self.language(row, person);
        let (purpose, topic) = self.why();
        let about = About {
            recipient_id: person.map(|person| person.recipient_id),
            message_type: self.send.message_type.clone(),
            topic,
            language: Some(language.as_str().to_owned()),
            template: self.send.template,
            bulk_send_id: Some(self.send.bulk_send_id),
            ..About::default()
        };
        let mut request = EnqueueRequest {
            to,
            channels,
            purpose,
            priority: Priority::Bulk,
            expires_at: self.send.expires_at,
            message_type: about.message_type.as_deref().and_then(|key| self.policy.message_type(key)).cloned(),
            about,
            track_links: self.send.track_links.then(|| self.public_url.clone()),
            track_opens: self.send.track_opens.then(|| self.public_url.clone()),
            ..EnqueueRequest::default()
        };
        match self.content {
            ReadyContent::Fixed(fixed) => fill_fixed(&mut request, fixed),
            ReadyContent::Template(template) => {
                let speaker = Speaker {
                    practice: self.practice,
                    public_url: self.public_url,
                    tenant: self.tenant,
                    now: self.now,
                };
                let variables = &row.target.expose().variables;
                speaker.fill(&mut request, template, language, variables, person).map_err(|error| error.to_string())?;
            }
        }
        Ok(request)
    }

    fn language(&self, row: &FedRow, person: Option<&Person>) -> Language {
        let of_row = row.target.expose().language.as_deref();
        let known = [of_row, person.map(|person| person.language.as_str()), Some(self.practice.language.as_str())];
        known.into_iter().flatten().find_map(Language::of_tag).unwrap_or(Language::En)
    }

    fn prepare(&self, row_no: i32, request: EnqueueRequest) -> Result<Composed, Box<RowOutcome>> {
        let context = PrepareContext {
            tenant_id: self.tenant.tenant.tenant_id,
            api_key_id: Some(self.send.created_by),
            settings: &self.tenant.tenant.settings,
            data_key: &self.tenant.data_key,
            hash_key: self.tenant.hash_key(),
            now: self.now,
        };
        let mut message = prepare::prepare(request, None, context).map_err(|error| unprepared(row_no, error))?;
        message.idempotency = Some(claim(self.tenant, self.send.bulk_send_id, row_no, self.now));
        let payload = message.payload.expose();
        let plan = message.channels.iter();
        let all =
            plan.map(|channel| prepare::new_delivery(payload, *channel, message.priority, self.tenant.hash_key()));
        let whole = NewMessage { deliveries: all.collect(), payload_sealed: Vec::new(), ..message.clone() };
        Ok(Composed { row_no, deliveries: whole.live(), message })
    }
}

/// The key of a row's message, in a domain of its own: no key of a caller is ever the same.
#[must_use]
pub fn claim(tenant: &TenantHandle, bulk_send_id: BulkSendId, row_no: i32, now: Timestamp) -> IdempotencyClaim {
    let mut row = [0_u8; 20];
    row[..16].copy_from_slice(bulk_send_id.as_uuid().as_bytes());
    row[16..].copy_from_slice(&row_no.to_be_bytes());
    IdempotencyClaim {
        key_hash: tenant.hash("bulk-send-row", &row),
        // What a row says may change with its recipient between two tries; it is one message nevertheless.
        fingerprint: tenant.hash("bulk-send-row-body", &row),
        expires_at: now.saturating_add(KEYS_KEPT).unwrap_or(Timestamp::MAX),
    }
}

/// What the seal of a row is bound to.
pub(crate) fn row_owner(tenant: &TenantHandle, bulk_send_id: BulkSendId, row_no: i32) -> Vec<u8> {
    let (tenant_id, send_id) = (tenant.tenant.tenant_id.as_uuid(), bulk_send_id.as_uuid());
    [b"bulk send row\0".as_slice(), tenant_id.as_bytes(), send_id.as_bytes(), &row_no.to_be_bytes()].concat()
}

/// The keyed hash by which a recipient or an address stands in a list once.
#[must_use]
pub fn target_hash(tenant: &TenantHandle, whom: Result<RecipientId, (Channel, &str)>) -> [u8; 16] {
    match whom {
        Ok(recipient_id) => tenant.hash("bulk-send-recipient", recipient_id.as_uuid().as_bytes()),
        Err((channel, address)) => prepare::address_hash(tenant.hash_key(), channel, address),
    }
}

fn fill_fixed(request: &mut EnqueueRequest, fixed: &FixedContent) {
    let FixedContent { subject, body, sms, email, in_app } = fixed.clone();
    // Content for a channel that is not in the plan would be a fault.
    let wants = |channel| request.channels.contains(&channel);
    request.sms = sms.filter(|_| wants(Channel::Sms));
    request.email = email.filter(|_| wants(Channel::Email));
    request.in_app = in_app.filter(|_| wants(Channel::InApp));
    (request.subject, request.body) = (subject, body);
}

/// Checks content of a send that is about to be made, against an invented recipient.
///
/// # Errors
/// The faulty fields.
pub fn check_fixed(
    fixed: &FixedContent,
    send: &BulkSend,
    public_url: &Url,
    (tenant, policy): (&TenantHandle, &CompiledPolicy),
    now: Timestamp,
) -> Result<(), CampaignError> {
    let to = Recipient {
        phone: Some("+15005550006".to_owned()),
        email: Some("pat@example.com".to_owned()),
        in_app: Some("pat".to_owned()),
    };
    let about = About { message_type: send.message_type.clone(), topic: send.topic, ..About::default() };
    let mut request = EnqueueRequest {
        to,
        channels: send.channels.clone(),
        purpose: send.purpose,
        message_type: about.message_type.as_deref().and_then(|key| policy.message_type(key)).cloned(),
        about,
        track_links: send.track_links.then(|| public_url.clone()),
        track_opens: send.track_opens.then(|| public_url.clone()),
        ..EnqueueRequest::default()
    };
    fill_fixed(&mut request, fixed);
    let context = PrepareContext {
        tenant_id: tenant.tenant.tenant_id,
        api_key_id: None,
        settings: &tenant.tenant.settings,
        data_key: &tenant.data_key,
        hash_key: tenant.hash_key(),
        now,
    };
    match prepare::prepare(request, None, context) {
        Ok(_) => Ok(()),
        Err(PrepareError::Invalid(faults)) => Err(invalid(faults)),
        Err(PrepareError::Seal(error)) => Err(error).tried("seal content of a bulk send"),
    }
}

/// Faults of a message as faults of the send.
pub(crate) fn invalid(faults: Vec<prepare::FieldFault>) -> CampaignError {
    let field = |fault: prepare::FieldFault| crate::error::FieldFault::new(fault.pointer, fault.problem);
    CampaignError::Invalid(faults.into_iter().map(field).collect())
}

fn refusal(row_no: i32, code: &str) -> RowOutcome {
    let said = Said {
        verdict: RowVerdict::Refuse,
        code: Some(code.to_owned()),
        channel: None,
        until: None,
        channels: Vec::new(),
    };
    RowOutcome { row_no, state: RowState::Refused, due_at: None, said: Some(said), message_id: None, error: None }
}

fn unprepared(row_no: i32, error: PrepareError) -> Box<RowOutcome> {
    let mut text = "invalid".to_owned();
    match error {
        PrepareError::Invalid(faults) => {
            for fault in faults {
                // Writing to a string does not fail.
                let _written = write!(text, ": {} {}", fault.pointer, fault.problem);
            }
        }
        PrepareError::Seal(_) => text.push_str(": it could not be sealed"),
    }
    Box::new(RowOutcome::failed(row_no, text))
}

/// A code, and the name of the variable.
pub(super) fn why(error: &RenderError) -> String {
    match error {
        RenderError::Missing(name) => format!("missing_variable: {name}"),
        RenderError::Variable { name, problem } => format!("wrong_variable: {name} {problem}"),
        RenderError::NoVariant(channel) => format!("no_variant: {}", channel.as_str()),
        other => format!("not_rendered: {other}"),
    }
}
