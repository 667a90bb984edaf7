//! Making a bulk send: what it says is taken down as it is now.

use std::collections::BTreeSet;

use jiff::Timestamp;
use url::Url;

use carepost_consent::message_types;
use carepost_consent::policy::CompiledPolicy;
use carepost_consent::store::rules_in_force;
use carepost_delivery::prepare;
use carepost_kernel::{BulkSendId, Channel, Phi, Purpose};
use carepost_store::TenantTx;
use carepost_templates::error::TemplateError;
use carepost_templates::get_template;
use carepost_templates::types::{Template, TemplateContent, TemplateState};
use carepost_tenancy::TenantHandle;

use crate::CampaignError;
use crate::error::FieldFault;
use crate::rules::compose::{check_fixed, invalid};
use crate::store::{self, SealedContent, SealedSend};
use crate::types::{BulkContent, BulkSend, BulkState, FixedContent, NewBulkSend};

const NAME_LIMIT_CHARS: usize = 200;
const RATE_MAX: u32 = 1_000;
const OFFERED: [Channel; 3] = [Channel::Sms, Channel::Email, Channel::InApp];

/// Makes a bulk send with an empty list.
///
/// # Errors
/// `Invalid` with all faulty fields, a template that does not exist among them; `Conflict` where it is not published; where
/// the database fails.
pub async fn create_bulk_send(
    tx: &TenantTx<'_>,
    tenant: &TenantHandle,
    new: NewBulkSend,
    public_url: &Url,
    now: Timestamp,
) -> Result<BulkSend, CampaignError> {
    let mut faults = check(&new, now);
    let (content, template) = match (new.template_id, &new.fixed) {
        (Some(template_id), None) => {
            let (template, version) = get_template(tx, template_id, None).await.map_err(|error| match error {
                TemplateError::NotFound(_) => CampaignError::field("/template_id", "names no template"),
                error => error.into(),
            })?;
            if template.state() != TemplateState::Published {
                let problem = "it is not published";
                return Err(TemplateError::Conflict { tried: "send template", problem }.into());
            }
            (BulkContent::Template(Box::new(version.content)), Some((template, version.version)))
        }
        (None, Some(fixed)) => (BulkContent::Fixed(Box::new(fixed.expose().clone())), None),
        _ => return Err(CampaignError::field("/template_id", "is needed, or else content: exactly one of the two")),
    };
    if template.is_some() && (new.message_type.is_some() || new.purpose.is_some() || new.topic.is_some()) {
        faults.push(FieldFault::new("/type", "is the template's own, as are purpose and topic"));
    }
    let channels = match &content {
        BulkContent::Template(content) => template_channels(content, &new.channels, &mut faults),
        BulkContent::Fixed(fixed) => fixed_channels(fixed, &new.channels),
    };
    if !faults.is_empty() {
        return Err(CampaignError::Invalid(faults));
    }
    let is_plan_open = new.channels.is_empty();
    let send = send_of(new, template.map(|(template, version)| about(template, version)), channels, now);
    let policy = rules_in_force(tx, now).await?;
    match &content {
        BulkContent::Fixed(fixed) => check_fixed(fixed, &send, public_url, (tenant, &policy), now)?,
        BulkContent::Template(_) => check_tracking(&send, (tenant, &policy))?,
    }
    let content = SealedContent { content, public_url: public_url.to_string(), is_plan_open };
    let sealed = SealedSend::new(send, &content, tenant)?;
    store::insert_send(tx, &sealed).await?;
    Ok(sealed.send)
}

fn check(new: &NewBulkSend, now: Timestamp) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    let mut add = |pointer: &str, problem| faults.push(FieldFault::new(pointer, problem));
    let name_chars = new.name.expose().chars().count();
    if new.name.expose().trim().is_empty() || name_chars > NAME_LIMIT_CHARS {
        add("/name", "takes 1 to 200 characters");
    }
    if new.per_second.is_some_and(|rate| !(1..=RATE_MAX).contains(&rate)) {
        add("/per_second", "must be between 1 and 1,000");
    }
    let starts_at = new.send_at.filter(|send_at| *send_at > now).unwrap_or(now);
    if new.expires_at.is_some_and(|expires_at| expires_at <= starts_at) {
        add("/expires_at", "must lie in the future and after send_at");
    }
    let mut seen = BTreeSet::new();
    if new.channels.iter().any(|channel| !OFFERED.contains(channel) || !seen.insert(*channel)) {
        add("/channels", "takes sms, email and in_app, each once");
    }
    faults
}

/// What must not be tracked is refused when the send is made, and not row by row.
fn check_tracking(send: &BulkSend, (tenant, policy): (&TenantHandle, &CompiledPolicy)) -> Result<(), CampaignError> {
    let wished = (send.track_links, send.track_opens);
    let (of_type, settings) =
        (send.message_type.as_deref().and_then(|key| policy.message_type(key)), &tenant.tenant.settings);
    let purpose = send.purpose.unwrap_or(Purpose::Transactional);
    let faults = prepare::tracking_faults(wished, of_type, purpose, settings);
    if faults.is_empty() { Ok(()) } else { Err(invalid(faults)) }
}

fn template_channels(content: &TemplateContent, wanted: &[Channel], faults: &mut Vec<FieldFault>) -> Vec<Channel> {
    let offered: BTreeSet<Channel> = content.variants().map(|(channel, _)| channel).collect();
    if wanted.is_empty() {
        return OFFERED.into_iter().filter(|channel| offered.contains(channel)).collect();
    }
    if wanted.iter().any(|channel| !offered.contains(channel)) {
        faults.push(FieldFault::new("/channels", "names one that the template has no variant for"));
    }
    wanted.to_vec()
}

/// Without a wish: the channels that there is content of their own for, or all where there is a text for all.
fn fixed_channels(fixed: &FixedContent, wanted: &[Channel]) -> Vec<Channel> {
    let has = |channel: &Channel| {
        fixed.body.is_some()
            || match channel {
                Channel::Sms => fixed.sms.is_some(),
                Channel::Email => fixed.email.is_some(),
                _ => fixed.in_app.is_some(),
            }
    };
    if wanted.is_empty() { OFFERED.into_iter().filter(has).collect() } else { wanted.to_vec() }
}

/// What a template says of its messages, with its version.
fn about(template: Template, version: i32) -> (Template, i32) {
    // A type of the practice's own making is none that the gate knows: purpose and topic stand beside it.
    let known = template.meta.type_key.filter(|key| message_types::shipped(key).is_some());
    (
        Template { meta: carepost_templates::types::TemplateMeta { type_key: known, ..template.meta }, ..template },
        version,
    )
}

fn send_of(new: NewBulkSend, template: Option<(Template, i32)>, channels: Vec<Channel>, now: Timestamp) -> BulkSend {
    let (message_type, purpose, topic) = match &template {
        Some((template, _)) => (template.meta.type_key.clone(), Some(template.meta.purpose), Some(template.meta.topic)),
        None => (new.message_type, new.purpose, new.topic),
    };
    BulkSend {
        bulk_send_id: BulkSendId::new(now),
        name: Phi::new(new.name.expose().trim().to_owned()),
        template: template.map(|(template, version)| (template.template_id, version)),
        message_type,
        purpose,
        topic,
        channels,
        send_at: new.send_at,
        expires_at: new.expires_at,
        per_second: new.per_second,
        track_links: new.track_links,
        track_opens: new.track_opens,
        state: BulkState::Draft,
        row_count: 0,
        duplicate_count: 0,
        last_row_no: 0,
        counted_to: 0,
        policy_version: 0,
        created_by: new.created_by,
        version: 1,
        created_at: now,
        updated_at: now,
        counted_at: None,
        started_at: None,
        ended_at: None,
    }
}
