//! Would this go now, and if not, why? Asked of the gate's own rules; nothing is stored and nothing leaves.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use carepost_consent::store::load_facts;
use carepost_consent::types::AddressKey;
use carepost_delivery::gate::Sender;
use carepost_delivery::gate::foresee::{Around, Foreseen, Way, foresee, way, way_of_all};
use carepost_delivery::prepare::{PrepareContext, imagine};
use carepost_delivery::{Delivery, Strategy};
use carepost_kernel::Channel;
use carepost_tenancy::types::{AccountStatus, TenantStatus};
use carepost_tenancy::{ProviderAccount, Scope};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::policies::rulebook_in_force;
use super::view::{RuleView, parts};
use crate::http::auth::Caller;
use crate::http::error::{ApiError, Code};
use crate::http::json;
use crate::http::messages::body::SimulateMessageBody;
use crate::http::messages::compose::{Wanted, complete};
use crate::http::names::{ChannelName, RulingName};
use crate::http::state::AppState;

/// What would become of a message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SimulationView {
    /// The instant that was asked about.
    at: Timestamp,
    /// The version of the policy that would be asked; 0 is the built-in one.
    policy_version: u32,
    /// `go`, `wait`, or `refuse` where it would not leave on any channel.
    #[schema(value_type = RulingName)]
    verdict: &'static str,
    /// The channel that it would take; the last one that was asked about where it takes none.
    #[schema(value_type = ChannelName)]
    channel: Channel,
    /// Why not now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "quiet_hours")]
    code: Option<&'static str>,
    /// Until when it would wait. What is paused, or has no account, waits for somebody to change that: it is looked at again
    /// at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    /// Each channel of the plan, in its order.
    channels: Vec<SimulatedChannelView>,
}

/// What the gate would say on one channel.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SimulatedChannelView {
    /// Which one.
    #[schema(value_type = ChannelName)]
    channel: Channel,
    /// The verdict that counts.
    #[schema(value_type = RulingName)]
    verdict: &'static str,
    /// Why, where it is no `go`.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    /// Each rule, in the order in which they are asked.
    rules: Vec<RuleView>,
}

/// Simulate the gate
///
/// Would this message go now, or at the instant `at`, and if not, why? The body is that of a message. `to` or `recipient_id`
/// says for whom; without content, the rules about texts let it pass. By the gate's own rules, with what is known now; nothing
/// is stored and nothing leaves. Not foreseen: rates of sending, and providers that are down.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/gate/simulate",
    tag = "gate",
    security(("api_key" = ["gate:read"])),
    request_body = SimulateMessageBody,
    responses((status = 200, body = SimulationView)),
)]
pub(crate) async fn simulate_message(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::GateRead)?;
    let bytes = json::read(&request, payload, state.limits.message_body_bytes).await?;
    let body: SimulateMessageBody = json::parse(&bytes)?;
    let now = state.clock.now();
    let at = body.at.unwrap_or(now);
    if at < now {
        return Err(ApiError::field(Code::ValidationFailed, "/at", "must not lie in the past: facts are those of now"));
    }
    let deliveries = imagined(&caller, &state, body, at).await?;
    let rulebook = rulebook_in_force(&state, &caller.tenant, at).await?;
    let keys: Vec<AddressKey> = deliveries.iter().map(key_of).collect();
    let facts = {
        let connection = state.placement(&caller.tenant)?.engine().await?;
        load_facts(&connection, caller.tenant_id(), &keys, at).await?
    };
    let mut foreseen = Vec::with_capacity(deliveries.len());
    for (delivery, contact) in deliveries.iter().zip(&facts) {
        let channel = delivery.key.channel;
        let (is_paused, sender) = senders(&caller, &state, channel).await?;
        let (tenant, public_url) = (&*caller.tenant, &state.public_url);
        let around = Around { now: at, is_paused, sender, contact, rulebook: &rulebook, tenant, public_url };
        foreseen.push((channel, foresee(delivery, &around)));
    }
    let strategy = deliveries.first().map(|delivery| delivery.strategy).unwrap_or_default();
    let view = show(at, rulebook.version(), strategy, &foreseen);
    Ok(HttpResponse::Ok().json(view.ok_or_else(|| ApiError::new(Code::Internal, "a plan without a channel"))?))
}

/// The deliveries that the message would have.
async fn imagined(
    caller: &Caller,
    state: &AppState,
    mut body: SimulateMessageBody,
    at: Timestamp,
) -> Result<Vec<Delivery>, ApiError> {
    let template = body.template.take();
    let context = PrepareContext {
        tenant_id: caller.tenant_id(),
        api_key_id: Some(caller.principal.api_key_id),
        settings: &caller.tenant.tenant.settings,
        data_key: &caller.tenant.data_key,
        hash_key: caller.tenant.hash_key(),
        now: at,
    };
    // By the same way as a message that is sent.
    let wanted = Wanted { request: body.into_request(&state.public_url), template };
    let request = complete(wanted, caller, state, at).await?;
    Ok(imagine(request, context)?)
}

const fn key_of(delivery: &Delivery) -> AddressKey {
    AddressKey { channel: delivery.key.channel, address_hash: delivery.recipient_hash }
}

/// Whether the channel is paused by hand, and whether it has an account: as the engine looks at it before a lane's turn.
async fn senders(caller: &Caller, state: &AppState, channel: Channel) -> Result<(bool, Sender), ApiError> {
    let tenant = &caller.tenant.tenant;
    if tenant.status != TenantStatus::Active || tenant.settings.paused_channels.contains(&channel) {
        return Ok((true, Sender::Ready));
    }
    let accounts = state.directory.accounts(tenant.tenant_id, channel).await?;
    let any = |status| accounts.iter().any(|account: &Arc<ProviderAccount>| account.status == status);
    Ok(match (any(AccountStatus::Active), any(AccountStatus::Paused)) {
        (true, _) => (false, Sender::Ready),
        (false, true) => (true, Sender::Ready),
        (false, false) => (false, Sender::Missing),
    })
}

fn show(
    at: Timestamp,
    policy_version: u32,
    strategy: Strategy,
    foreseen: &[(Channel, Foreseen)],
) -> Option<SimulationView> {
    let plan = foreseen.iter().map(|(channel, one)| (*channel, one.verdicts.heaviest()));
    let taken = match strategy {
        Strategy::Fallback => way(plan),
        Strategy::All => way_of_all(plan),
    }?;
    let (verdict, channel, code, until) = match taken {
        Way::Go { channel } => ("go", channel, None, None),
        Way::Wait { channel, until, reason } => ("wait", channel, Some(reason.as_str()), Some(until)),
        Way::Refused { channel, code } => ("refuse", channel, Some(code), None),
    };
    let channels = foreseen.iter().map(|(channel, one)| show_channel(*channel, one)).collect();
    Some(SimulationView { at, policy_version, verdict, channel, code, until, channels })
}

fn show_channel(channel: Channel, Foreseen { verdicts, note }: &Foreseen) -> SimulatedChannelView {
    let (ruling, code, until) = parts(&verdicts.heaviest());
    let rules = verdicts.by_rule().into_iter().map(|(rule, said)| RuleView::new(rule, said, *note)).collect();
    SimulatedChannelView { channel, verdict: ruling.as_str(), code, until, rules }
}
