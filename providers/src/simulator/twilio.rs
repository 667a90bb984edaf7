//! Twilio's face: `Messages.json` to create and to list, status callbacks, inbound messages.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::accounts::Account;
use super::core::{Core, Ending};
use super::faces::{self, Acceptance, Form, MagicCodes, Sending};
use super::profile::{Call, CallOutcome, Fault};
use super::webhooks::{Stage, Webhook};
use crate::contract::Vendor;
use crate::sms::twilio::signature;

const FORM: &str = "application/x-www-form-urlencoded";
const LIST_LIMIT: usize = 1000;

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service(
        web::resource("/2010-04-01/Accounts/{account_sid}/Messages.json")
            .route(web::post().to(create))
            .route(web::get().to(list)),
    );
}

pub(crate) fn open_account(core: &Core, webhook_url: &Url) -> Account {
    let sid = format!("AC{}", core.random_hex(Vendor::Twilio, 32));
    let token = core.random_hex(Vendor::Twilio, 32);
    Account {
        vendor: Vendor::Twilio,
        settings: json!({ "account_sid": sid, "from": "+15005550006" }),
        credentials: json!({ "auth_token": token }),
        key: sid,
        secret: token.clone(),
        webhook_secret: token,
        material: Vec::new(),
        webhook_url: webhook_url.clone(),
        base_url: Some(core.http_base.clone()),
    }
}

/// The account behind settings and credentials that somebody has stored.
pub(crate) fn adopt_account(core: &Core, settings: &Value, credentials: &Value, webhook_url: &Url) -> Option<Account> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Some(Account {
        key: text(&settings["account_sid"])?,
        secret: text(&credentials["auth_token"])?,
        webhook_secret: text(&credentials["auth_token"])?,
        settings: settings.clone(),
        credentials: credentials.clone(),
        ..open_account(core, webhook_url)
    })
}

fn magic_codes() -> MagicCodes {
    MagicCodes {
        invalid: "21211",
        unroutable: "21612",
        region: "21408",
        opted_out: "21610",
        no_mobile: "21614",
        undelivered: "30005",
        unavailable: Fault::Status(503),
    }
}

fn authenticate(core: &Core, request: &HttpRequest, account_sid: &str) -> Option<Arc<Account>> {
    let (user, password) = faces::basic(request)?;
    let account = core.account(Vendor::Twilio, account_sid)?;
    let by_token = user == account.key && password == account.secret;
    let by_key = account.credentials["api_key_sid"] == *user && account.credentials["api_key_secret"] == *password;
    (by_token || by_key).then_some(account)
}

fn unauthenticated() -> HttpResponse {
    error("20003", StatusCode::UNAUTHORIZED, None)
}

async fn create(
    request: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
    core: web::Data<Core>,
) -> HttpResponse {
    let core = core.into_inner();
    let Some(account) = authenticate(&core, &request, &path) else { return unauthenticated() };
    let form = Form::parse(&body);
    let sender = form.get("From").or_else(|| form.get("MessagingServiceSid")).unwrap_or_default().to_owned();
    let (Some(to), false) = (form.get("To").map(str::to_owned), sender.is_empty()) else {
        let code = if sender.is_empty() { "21603" } else { "21604" };
        return error(code, StatusCode::BAD_REQUEST, None);
    };
    let text = form.get("Body").unwrap_or_default().to_owned();
    let media = form.count("MediaUrl");
    if text.is_empty() && media == 0 {
        return error("21602", StatusCode::BAD_REQUEST, None);
    }
    if text.chars().count() > 1600 {
        return error("21617", StatusCode::BAD_REQUEST, None);
    }
    let callback = form.get("StatusCallback").map(str::to_owned);
    let attempt = callback.as_deref().and_then(reference);
    let sending =
        Sending { vendor: Vendor::Twilio, attempt, magic: magic_codes().of(&to), to: to.clone(), text: text.clone() };
    let now = core.clock.now();
    let sid = new_sid(&core, &account, media);
    let accept = move |ending: Ending| {
        let message = Message { sid: &sid, account: &account, to: &to, text: &text, media, at: now };
        let answer = HttpResponse::Created().json(message.view("queued"));
        let stages = callback.map(|callback| stages(&account, &sid, &to, &callback, &ending)).unwrap_or_default();
        Acceptance { provider_ref: sid, stages, answer }
    };
    faces::take(core, request, sending, accept, refuse).await
}

/// `SM` or `MM`, the account's first digits, so that lists tell accounts apart, and 24 digits of chance.
fn new_sid(core: &Core, account: &Account, media: usize) -> String {
    let kind = if media > 0 { "MM" } else { "SM" };
    format!("{kind}{}{}", owner_mark(account), core.random_hex(Vendor::Twilio, 24))
}

fn owner_mark(account: &Account) -> &str {
    account.key.get(2..10).unwrap_or("00000000")
}

struct Message<'a> {
    sid: &'a str,
    account: &'a Account,
    to: &'a str,
    text: &'a str,
    media: usize,
    at: Timestamp,
}

impl Message<'_> {
    fn view(&self, status: &str) -> Value {
        let account_sid = &self.account.key;
        let mut date = String::new();
        // Only a year beyond 9999 cannot be written so.
        let _ = rfc2822::DateTimePrinter::new().print_timestamp(&self.at, &mut date);
        json!({
            "sid": self.sid,
            "account_sid": account_sid,
            "status": status,
            "to": self.to,
            "from": self.account.settings["from"],
            "messaging_service_sid": self.account.settings["messaging_service_sid"],
            "body": self.text,
            "num_segments": "1",
            "num_media": self.media.to_string(),
            "direction": "outbound-api",
            "api_version": "2010-04-01",
            "price": null,
            "price_unit": "USD",
            "error_code": null,
            "error_message": null,
            "date_created": date,
            "date_sent": null,
            "date_updated": date,
            "uri": format!("/2010-04-01/Accounts/{account_sid}/Messages/{}.json", self.sid),
        })
    }
}

async fn list(request: HttpRequest, path: web::Path<String>, core: web::Data<Core>) -> HttpResponse {
    let Some(account) = authenticate(&core, &request, &path) else { return unauthenticated() };
    let query = Form::parse(request.query_string().as_bytes());
    let limit = query.get("PageSize").and_then(|size| size.parse().ok()).unwrap_or(50).min(LIST_LIMIT);
    let to = query.get("To");
    let mark = owner_mark(&account);
    let wanted = |call: &Call| {
        to.is_none_or(|to| call.to == to) && accepted_sid(call).is_some_and(|sid| sid.get(2..10) == Some(mark))
    };
    let calls = core.find_calls(Vendor::Twilio, limit, wanted);
    let messages: Vec<Value> = calls
        .iter()
        .filter_map(|call| {
            let sid = accepted_sid(call)?;
            let media = usize::from(sid.starts_with("MM"));
            Some(Message { sid, account: &account, to: &call.to, text: &call.text, media, at: call.at }.view("sent"))
        })
        .collect();
    HttpResponse::Ok().json(json!({ "messages": messages, "page": 0, "page_size": limit, "next_page_uri": null }))
}

fn accepted_sid(call: &Call) -> Option<&str> {
    match &call.outcome {
        CallOutcome::Accepted { provider_ref } | CallOutcome::Dropped { provider_ref } => Some(provider_ref),
        CallOutcome::Refused { .. } | CallOutcome::Hung => None,
    }
}

fn reference(callback: &str) -> Option<carepost_kernel::AttemptRef> {
    let (_, query) = callback.split_once('?')?;
    form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "ref")?.1.parse().ok()
}

/// `sent`, then how it ends; the initial status has no callback.
fn stages(account: &Arc<Account>, sid: &str, to: &str, callback: &str, ending: &Ending) -> Vec<Stage> {
    let last = match ending {
        Ending::Delivered => ("delivered", None),
        Ending::Undelivered(code) => ("undelivered", Some(code.clone().unwrap_or_else(|| "30003".to_owned()))),
    };
    [("sent", None), last]
        .into_iter()
        .map(|(status, code)| {
            let (account, sid, to) = (Arc::clone(account), sid.to_owned(), to.to_owned());
            let callback = callback.to_owned();
            let stage: Stage = Box::new(move |_| {
                let from = account.settings["from"].as_str().unwrap_or_default();
                let mut params = vec![
                    ("MessageSid", sid.as_str()),
                    ("SmsSid", &sid),
                    ("MessageStatus", status),
                    ("SmsStatus", status),
                    ("AccountSid", &account.key),
                    ("From", from),
                    ("To", &to),
                    ("ApiVersion", "2010-04-01"),
                ];
                params.extend(code.as_deref().map(|code| ("ErrorCode", code)));
                signed(&account, &callback, &params)
            });
            stage
        })
        .collect()
}

pub(crate) fn inbound(core: &Core, account: &Account, from: &str, to: &str, text: &str) -> Webhook {
    let sid = new_sid(core, account, 0);
    let mut params = vec![
        ("MessageSid", sid.as_str()),
        ("SmsSid", &sid),
        ("SmsMessageSid", &sid),
        ("SmsStatus", "received"),
        ("AccountSid", &account.key),
        ("From", from),
        ("To", to),
        ("Body", text),
        ("NumMedia", "0"),
        ("NumSegments", "1"),
        ("ApiVersion", "2010-04-01"),
    ];
    let keyword = text.trim().to_uppercase();
    if matches!(keyword.as_str(), "STOP" | "START" | "HELP") {
        params.push(("OptOutType", &keyword));
    }
    signed(account, account.webhook_url.as_str(), &params)
}

fn signed(account: &Account, url: &str, params: &[(&str, &str)]) -> Webhook {
    let owned: Vec<(String, String)> =
        params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
    Webhook::post(url, FORM, body)
        .with_header("x-twilio-signature", signature::sign(&account.webhook_secret, url, &owned))
}

/// The vendor's error body.
fn error(code: &str, status: StatusCode, header: Option<(&'static str, String)>) -> HttpResponse {
    let mut answer = HttpResponse::build(status);
    if let Some(header) = header {
        answer.insert_header(header);
    }
    answer.json(json!({
        "code": code.parse().unwrap_or(20500_u32),
        "message": "Simulated refusal",
        "more_info": format!("https://www.twilio.com/docs/errors/{code}"),
        "status": status.as_u16(),
    }))
}

fn refuse(fault: &Fault) -> (String, HttpResponse) {
    match fault {
        Fault::Throttle { .. } => {
            let answer = error("20429", StatusCode::TOO_MANY_REQUESTS, faces::retry_after(fault));
            ("20429".to_owned(), answer)
        }
        Fault::VendorCode(code) => {
            let status = match code.as_str() {
                "20003" | "20005" | "20006" => StatusCode::UNAUTHORIZED,
                "20404" => StatusCode::NOT_FOUND,
                "20429" => StatusCode::TOO_MANY_REQUESTS,
                "20500" => StatusCode::INTERNAL_SERVER_ERROR,
                "20503" => StatusCode::SERVICE_UNAVAILABLE,
                "20409" => StatusCode::CONFLICT,
                _ => StatusCode::BAD_REQUEST,
            };
            (code.clone(), error(code, status, None))
        }
        Fault::Status(status) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status.as_u16().to_string(), HttpResponse::build(status).finish())
        }
        Fault::Garbage | Fault::DropAfterAccept | Fault::Hang => ("garbage".to_owned(), faces::garbage()),
    }
}
