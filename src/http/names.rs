//! Names on the wire, told to the OpenAPI document from the enums themselves.

use carepost_campaigns::types::{BulkState, RowState, RowVerdict};
use carepost_consent::types::{
    ActorKind, ConsentSource, ConsentState, GuardianScope, PolicyState, RecipientKind, SuppressionReason,
};
use carepost_delivery::gate::dry_run::Shift;
use carepost_delivery::types::Ruling;
use carepost_delivery::{DeliveryState, EventKind};
use carepost_kernel::{Channel, FailureClass, Priority, Purpose, ReceiptStatus, Topic, Verdicts, WaitReason};
use carepost_templates::events::TemplateAction;
use carepost_templates::types::{Language, TemplateState, VariableKind, VersionState};
use carepost_tenancy::{AccountStatus, EndpointStatus, Scope, TenantStatus};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

macro_rules! names {
    ($($(#[$meta:meta])* $name:ident = $all:expr;)+) => {$(
        $(#[$meta])*
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new().schema_type(Type::String).enum_values(Some($all)).into()
            }
        }

        impl ToSchema for $name {}
    )+};
}

names! {
    /// Channels.
    ChannelName = Channel::ALL.map(Channel::as_str);
    /// Purposes.
    PurposeName = Purpose::ALL.map(Purpose::as_str);
    /// Topics.
    TopicName = Topic::ALL.map(Topic::as_str);
    /// Languages.
    LanguageName = Language::ALL.iter().map(|language| language.as_str());
    /// Where a template stands.
    TemplateStateName = TemplateState::ALL.iter().map(|state| state.as_str());
    /// Where a version of a template stands.
    VersionStateName = VersionState::ALL.iter().map(|state| state.as_str());
    /// What was done with a template.
    TemplateActionName = TemplateAction::ALL.iter().map(|action| action.as_str());
    /// What a variable of a template holds.
    VariableKindName = VariableKind::ALL.iter().map(|kind| kind.as_str());
    /// Priorities.
    PriorityName = Priority::ALL.map(Priority::as_str);
    /// How channels are used.
    StrategyName = ["fallback", "all"];
    /// Where a delivery or a message stands.
    StatusName = DeliveryState::ALL.map(DeliveryState::as_str);
    /// Why a delivery waits.
    ReasonName = WaitReason::ALL.map(WaitReason::as_str);
    /// What an entry of the history tells.
    EventTypeName = EventKind::ALL.map(|kind| format!("delivery.{}", kind.as_str()));
    /// Classes of failure.
    FailureClassName = FailureClass::ALL.map(FailureClass::as_str);
    /// What a provider told.
    ReceiptStatusName = ReceiptStatus::ALL.map(ReceiptStatus::as_str);
    /// Where a bulk send stands.
    BulkStateName = BulkState::ALL.iter().map(|state| state.as_str());
    /// Where a row of a bulk send stands.
    RowStateName = RowState::ALL.iter().map(|state| state.as_str());
    /// What the gate says of a row of a bulk send.
    RowVerdictName = RowVerdict::ALL.iter().map(|verdict| verdict.as_str());
    /// What a key may do.
    ScopeName = Scope::ALL.iter().map(|scope| scope.as_str());
    /// Whether a tenant is served.
    TenantStatusName = TenantStatus::ALL.iter().map(|status| status.as_str());
    /// Whether an account is used.
    AccountStatusName = AccountStatus::ALL.iter().map(|status| status.as_str());
    /// What somebody is to the practice.
    RecipientKindName = RecipientKind::ALL.iter().map(|kind| kind.as_str());
    /// For what a guardian answers.
    GuardianScopeName = GuardianScope::ALL.iter().map(|scope| scope.as_str());
    /// What an entry of the evidence says.
    ConsentStateName = ConsentState::ALL.iter().map(|state| state.as_str());
    /// How consent, a wish or a suppression came.
    SourceName = ConsentSource::ALL.iter().map(|source| source.as_str());
    /// What kind of somebody wrote it down.
    ActorKindName = ActorKind::ALL.iter().map(|kind| kind.as_str());
    /// Why an address gets nothing.
    SuppressionReasonName = SuppressionReason::ALL.iter().map(|reason| reason.as_str());
    /// Whether a version of the gate's policy holds.
    PolicyStateName = PolicyState::ALL.iter().map(|state| state.as_str());
    /// Kinds of practices.
    PresetName = ["medical", "orthodontics"];
    /// The rules of the gate.
    GateRuleName = Verdicts::RULES;
    /// What a rule of the gate wants.
    RulingName = Ruling::ALL.map(Ruling::as_str);
    /// What another policy changes.
    ShiftName = Shift::ALL.map(Shift::as_str);
    /// Whether an endpoint is told.
    EndpointStatusName = EndpointStatus::ALL.iter().map(|status| status.as_str());
}
