//! What the HTTP faces of the SMS vendors share: reading requests, magic recipients, and one way through a call.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carepost_kernel::AttemptRef;
use url::form_urlencoded;

use super::core::{Core, Decision, Ending, Magic};
use super::profile::{Call, CallOutcome, Fate, Fault};
use super::webhooks::{Stage, schedule_receipts};
use super::wire;
use crate::contract::Vendor;

/// A form or query by name, with all values of a name.
pub(crate) struct Form(HashMap<String, Vec<String>>);

impl Form {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let mut fields: HashMap<String, Vec<String>> = HashMap::new();
        for (name, value) in form_urlencoded::parse(bytes).into_owned() {
            fields.entry(name).or_default().push(value);
        }
        Self(fields)
    }

    /// The first value, where it is not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.first().map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(crate) fn count(&self, name: &str) -> usize {
        self.0.get(name).map_or(0, Vec::len)
    }

    /// All pairs, for signatures.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|(name, values)| values.iter().map(move |value| (name.as_str(), value.as_str())))
    }
}

/// User and password of HTTP Basic.
pub(crate) fn basic(request: &HttpRequest) -> Option<(String, String)> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let text = String::from_utf8(STANDARD.decode(value.strip_prefix("Basic ")?).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// The codes that a vendor uses for the magic recipients.
pub(crate) struct MagicCodes {
    pub(crate) invalid: &'static str,
    pub(crate) unroutable: &'static str,
    pub(crate) region: &'static str,
    pub(crate) opted_out: &'static str,
    pub(crate) no_mobile: &'static str,
    /// Accepted, then undelivered with this.
    pub(crate) undelivered: &'static str,
    pub(crate) unavailable: Fault,
}

impl MagicCodes {
    /// What a recipient asks for, with or without `+`.
    pub(crate) fn of(self, recipient: &str) -> Option<Magic> {
        let code = |code: &str| Some(Magic::Fault(Fault::VendorCode(code.to_owned())));
        match recipient.trim_start_matches('+').strip_prefix("150055500")? {
            "01" => code(self.invalid),
            "02" => code(self.unroutable),
            "03" => code(self.region),
            "04" => code(self.opted_out),
            "09" => code(self.no_mobile),
            "10" => Some(Magic::Fate(Fate::Undelivered { code: self.undelivered.to_owned() })),
            "11" => Some(Magic::TwiceThenAccept(self.unavailable)),
            "12" => Some(Magic::Fault(Fault::DropAfterAccept)),
            "13" => Some(Magic::Fault(Fault::Hang)),
            _ => None,
        }
    }
}

/// One understood request to send, before the decision on it.
pub(crate) struct Sending {
    pub(crate) vendor: Vendor,
    pub(crate) attempt: Option<AttemptRef>,
    pub(crate) to: String,
    pub(crate) text: String,
    pub(crate) magic: Option<Magic>,
}

/// What an acceptance comes to: the vendor's id, its receipts, its answer.
pub(crate) struct Acceptance {
    pub(crate) provider_ref: String,
    pub(crate) stages: Vec<Stage>,
    pub(crate) answer: HttpResponse,
}

/// Takes one request through: decision, wait, receipts, memory, answer.
pub(crate) async fn take(
    core: Arc<Core>,
    request: HttpRequest,
    sending: Sending,
    accept: impl FnOnce(Ending) -> Acceptance,
    refuse: impl FnOnce(&Fault) -> (String, HttpResponse),
) -> HttpResponse {
    take_with_subject(core, request, sending, None, accept, refuse).await
}

/// The same for an email, whose subject is remembered, too.
pub(crate) async fn take_with_subject(
    core: Arc<Core>,
    request: HttpRequest,
    sending: Sending,
    subject: Option<String>,
    accept: impl FnOnce(Ending) -> Acceptance,
    refuse: impl FnOnce(&Fault) -> (String, HttpResponse),
) -> HttpResponse {
    let Sending { vendor, attempt, to, text, magic } = sending;
    let name = attempt.map_or_else(|| to.clone(), |attempt| attempt.message_id.to_string());
    let Decision { latency, fault, ending } = core.decide(vendor, &name, magic);
    wait(latency).await;
    let record = |outcome: CallOutcome| {
        let (to, subject, text) = (to.clone(), subject.clone(), text.clone());
        core.record(vendor, Call { attempt, to, subject, text, outcome, at: core.clock.now() });
    };
    match fault {
        None => {
            let Acceptance { provider_ref, stages, answer } = accept(ending);
            record(CallOutcome::Accepted { provider_ref });
            schedule_receipts(&core, vendor, stages).await;
            answer
        }
        Some(Fault::DropAfterAccept) => {
            let Acceptance { provider_ref, stages, .. } = accept(ending);
            record(CallOutcome::Dropped { provider_ref });
            schedule_receipts(&core, vendor, stages).await;
            wire::cut(&request)
        }
        Some(Fault::Hang) => {
            record(CallOutcome::Hung);
            core.hang().await;
            wire::cut(&request)
        }
        Some(fault) => {
            let (code, answer) = refuse(&fault);
            record(CallOutcome::Refused { code });
            answer
        }
    }
}

async fn wait(latency: Duration) {
    // A timer rounds up to a millisecond even where nothing is asked.
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
}

/// `Retry-After` in whole seconds, rounded up.
pub(crate) fn retry_after(fault: &Fault) -> Option<(&'static str, String)> {
    match fault {
        Fault::Throttle { retry_after: Some(after) } => {
            Some(("Retry-After", after.as_millis().div_ceil(1000).to_string()))
        }
        _ => None,
    }
}

/// A success that is not the vendor's: a proxy's page.
pub(crate) fn garbage() -> HttpResponse {
    HttpResponse::Ok().content_type("text/html").body("<html><body>It works!</body></html>")
}
