//! What the engine, the rooms and the store say, as problems. Texts of our rooms are safe to print (DEL-9).

use std::borrow::Cow;

use carepost_actors::EngineError;
use carepost_audit::AuditError;
use carepost_campaigns::CampaignError;
use carepost_consent::ConsentError;
use carepost_delivery::DeliveryError;
use carepost_delivery::prepare::{FieldFault, PrepareError};
use carepost_kernel::ErrorKind;
use carepost_providers::WebhookError;
use carepost_store::StoreError;
use carepost_templates::{Fault, RenderError, TemplateError};
use carepost_tenancy::TenancyError;

use super::{ApiError, Code, FaultView, code_of, default_detail, from_kind};

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        let code = code_of(error.kind());
        let mut api = match &error {
            EngineError::Throttled { limit, .. } => {
                Self::new(code, "come again after the time in Retry-After").with_limit(limit.as_str())
            }
            EngineError::Overloaded { limit, .. } => {
                Self::new(code, "more comes in than can be stored: come again after the time in Retry-After")
                    .with_limit(limit.as_str())
            }
            EngineError::Unavailable { reason, .. } => Self::new(code, *reason),
            EngineError::Moving => Self::new(code, EngineError::MOVING),
            _ => Self::new(code, default_detail(code)),
        };
        api.0.is_moving = error == EngineError::Moving;
        api.0.retry_after = error.retry_after().or(api.0.retry_after);
        api
    }
}

impl From<TenancyError> for ApiError {
    fn from(error: TenancyError) -> Self {
        match &error {
            TenancyError::Invalid { pointer, problem } => {
                Self::field(Code::ValidationFailed, pointer.as_str(), *problem)
            }
            TenancyError::Conflict { problem, .. } => Self::new(Code::Conflict, *problem),
            _ => from_kind(error.kind(), &error),
        }
    }
}

impl From<CampaignError> for ApiError {
    fn from(error: CampaignError) -> Self {
        match error {
            CampaignError::Invalid(faults) => ConsentError::Invalid(faults).into(),
            CampaignError::Conflict { problem, .. } => Self::new(Code::Conflict, problem),
            CampaignError::KeyReused => {
                Self::new(Code::IdempotencyKeyReused, "the key belongs to a list with another body")
            }
            CampaignError::Template(error) => error.into(),
            CampaignError::Consent(error) => error.into(),
            CampaignError::Delivery(error) => error.into(),
            _ => from_kind(error.kind(), &error),
        }
    }
}

impl From<ConsentError> for ApiError {
    fn from(error: ConsentError) -> Self {
        match error {
            ConsentError::Invalid(faults) => {
                let view = |fault: carepost_consent::FieldFault| FaultView::field(fault.pointer, fault.problem);
                Self::faults(Code::ValidationFailed, faults.into_iter().map(view).collect())
            }
            ConsentError::Conflict { problem, .. } => Self::new(Code::Conflict, problem),
            _ => from_kind(error.kind(), &error),
        }
    }
}

impl From<DeliveryError> for ApiError {
    fn from(error: DeliveryError) -> Self {
        from_kind(error.kind(), &error)
    }
}

impl From<Fault> for FaultView {
    fn from(fault: Fault) -> Self {
        Self::field(fault.pointer, fault.problem).at(fault.line, fault.column)
    }
}

impl From<TemplateError> for ApiError {
    fn from(error: TemplateError) -> Self {
        match error {
            TemplateError::Invalid(faults) => {
                Self::faults(Code::ValidationFailed, faults.into_iter().map(FaultView::from).collect())
            }
            TemplateError::Render(error) => error.into(),
            TemplateError::Conflict { problem, .. } => Self::new(Code::Conflict, problem),
            TemplateError::Outdated { what, present, .. } => {
                Self::new(Code::Conflict, format!("{what} is {present} by now: look at it and save again"))
            }
            _ => from_kind(error.kind(), &error),
        }
    }
}

impl From<RenderError> for ApiError {
    fn from(error: RenderError) -> Self {
        let field = |pointer: String, problem: Cow<'static, str>| Self::field(Code::ValidationFailed, pointer, problem);
        match error {
            RenderError::NoVariant(_) => {
                field("/channel".into(), "the template has no variant for this channel".into())
            }
            RenderError::Missing(name) => {
                field(format!("/variables/{name}"), format!("the variable {name} is missing").into())
            }
            RenderError::Variable { name, problem } => field(format!("/variables/{name}"), problem.into()),
            RenderError::Bound(problem) => field("/variables".into(), problem.into()),
            RenderError::Zone => field("/zone".into(), "must be an IANA time zone, as in America/New_York".into()),
            RenderError::Refused { .. } => from_kind(error.kind(), &error),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        from_kind(error.kind(), &error)
    }
}

impl From<AuditError> for ApiError {
    fn from(error: AuditError) -> Self {
        from_kind(error.kind(), &error)
    }
}

impl From<PrepareError> for ApiError {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Invalid(faults) => {
                let view = |fault: FieldFault| FaultView::field(fault.pointer, fault.problem);
                Self::faults(Code::ValidationFailed, faults.into_iter().map(view).collect())
            }
            PrepareError::Seal(error) => from_kind(ErrorKind::Internal, &error),
        }
    }
}

impl From<WebhookError> for ApiError {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::Signature => Self::new(Code::WebhookRefused, "the signature is missing or wrong"),
            WebhookError::Stale => Self::new(Code::WebhookRefused, "the signed time is outside the window"),
            WebhookError::Malformed(problem) => Self::new(Code::MalformedWebhook, problem),
            WebhookError::Unavailable => Self::unavailable("the signer's certificate could not be fetched"),
        }
    }
}
