//! SendGrid's face: Mail Send with a bearer key, signed event batches, Inbound Parse.
//!
//! Codes of a fate: an RFC 3463 status (`5.1.1`) for a bounce, `blocked`, `dropped`, or `complaint`. Codes of a
//! refusal: an HTTP status, or `from` for an unusable sender. Magic recipients: see `smtp/magic.rs`.

use std::sync::Arc;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carepost_kernel::AttemptRef;
use serde_json::{Value, json};
use url::Url;

use super::accounts::Account;
use super::core::{Core, Ending};
use super::faces::{self, Acceptance, Sending};
use super::profile::Fault;
use super::smtp::magic::{COMPLAINT, EmailMagic, fate};
use super::webhooks::{Stage, Webhook};
use crate::contract::Vendor;
use crate::email::REF_FIELD;

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service(
        web::resource("/v3/mail/send").app_data(web::PayloadConfig::new(MAX_BODY_BYTES)).route(web::post().to(send)),
    );
}

/// SendGrid takes up to 30 MB.
const MAX_BODY_BYTES: usize = 30 * 1024 * 1024;

pub(crate) fn open_account(core: &Core, webhook_url: &Url) -> Account {
    let api_key = format!("SG.{}", core.random_hex(Vendor::Sendgrid, 40));
    let settings = json!({
        "from_email": "care@clinic.example",
        "from_name": "Clinic",
        "webhook_public_key": STANDARD.encode(public_key(&api_key)),
        "inbound_parse": true,
        "max_age_seconds": 600,
    });
    let credentials = json!({
        "api_key": api_key,
        "inbound_username": "parse",
        "inbound_password": core.random_hex(Vendor::Sendgrid, 20),
    });
    account(core, api_key, settings, credentials, webhook_url)
}

/// The account behind settings and credentials that somebody has stored: its signing key follows from the API key.
pub(crate) fn adopt_account(core: &Core, settings: &Value, credentials: &Value, webhook_url: &Url) -> Option<Account> {
    let api_key = credentials["api_key"].as_str()?.to_owned();
    let is_ours = settings["webhook_public_key"].as_str() == Some(&STANDARD.encode(public_key(&api_key)));
    is_ours.then(|| account(core, api_key, settings.clone(), credentials.clone(), webhook_url))
}

fn account(core: &Core, api_key: String, settings: Value, credentials: Value, webhook_url: &Url) -> Account {
    Account {
        vendor: Vendor::Sendgrid,
        secret: String::new(),
        webhook_secret: String::new(),
        material: Vec::new(),
        key: api_key,
        webhook_url: webhook_url.clone(),
        settings,
        credentials,
        base_url: Some(core.http_base.clone()),
    }
}

/// The key that signs an account's events; it follows from the API key, so that it survives a restart.
fn signing_key(api_key: &str) -> EcdsaKeyPair {
    use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
    let scalar = digest::digest(&digest::SHA256, api_key.as_bytes());
    // A digest is no scalar of the curve in one of 2^32 cases; the simulator's keys are few.
    let private = PrivateKey::from_private_key(&ECDH_P256, scalar.as_ref()).expect("a digest is a scalar of P-256");
    let public = private.compute_public_key().expect("a private key has a public one");
    EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_ASN1_SIGNING, scalar.as_ref(), public.as_ref())
        .expect("the two belong together")
}

fn public_key(api_key: &str) -> Vec<u8> {
    let der: Result<PublicKeyX509Der<'_>, _> = signing_key(api_key).public_key().as_der();
    der.expect("a public key can be written down").as_ref().to_vec()
}

fn magic(to: &str) -> Option<super::core::Magic> {
    EmailMagic {
        bounce: "5.1.1",
        blocked: "blocked",
        suppressed: "dropped",
        full: fate("blocked"),
        reject: "400",
        greylist: Fault::Status(503),
    }
    .of(to)
}

async fn send(request: HttpRequest, body: web::Bytes, core: web::Data<Core>) -> HttpResponse {
    let core = core.into_inner();
    let bearer =
        request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let Some(account) = bearer.and_then(|key| core.account(Vendor::Sendgrid, key)) else {
        return error(StatusCode::UNAUTHORIZED, None);
    };
    let mail: Value = match serde_json::from_slice(&body) {
        Ok(mail) => mail,
        Err(_) => return error(StatusCode::BAD_REQUEST, None),
    };
    let text_of = |pointer: &str| mail.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    for (pointer, field) in [
        ("/from/email", "from.email"),
        ("/personalizations/0/to/0/email", "personalizations.0.to.0.email"),
        ("/content/0/value", "content.0.value"),
    ] {
        if text_of(pointer).is_none() {
            return error(StatusCode::BAD_REQUEST, Some(field));
        }
    }
    let to = text_of("/personalizations/0/to/0/email").unwrap_or_default().to_owned();
    let reference = text_of(&format!("/personalizations/0/custom_args/{REF_FIELD}"));
    let attempt: Option<AttemptRef> = reference.and_then(|text| text.parse().ok());
    let sending = Sending {
        vendor: Vendor::Sendgrid,
        attempt,
        magic: magic(&to),
        to: to.clone(),
        text: text_of("/content/0/value").unwrap_or_default().to_owned(),
    };
    let subject = text_of("/subject").map(str::to_owned);
    let message_id = core.random_hex(Vendor::Sendgrid, 22);
    let smtp_id = text_of("/headers/Message-ID").unwrap_or_default().to_owned();
    let accept = move |ending: Ending| {
        let answer = HttpResponse::Accepted().insert_header(("X-Message-Id", message_id.clone())).finish();
        let event = Event { account, attempt, to, message_id: message_id.clone(), smtp_id };
        Acceptance { provider_ref: message_id, stages: stages(event, &ending), answer }
    };
    faces::take_with_subject(core, request, sending, subject, accept, refuse).await
}

/// What all events of one message have in common.
#[derive(Clone)]
struct Event {
    account: Arc<Account>,
    attempt: Option<AttemptRef>,
    to: String,
    message_id: String,
    smtp_id: String,
}

fn stages(event: Event, ending: &Ending) -> Vec<Stage> {
    let delivered = json!({ "event": "delivered", "response": "250 OK" });
    let rest = match ending {
        Ending::Delivered => vec![delivered],
        Ending::Undelivered(code) => match code.as_deref().unwrap_or("5.1.1") {
            COMPLAINT => vec![delivered, json!({ "event": "spamreport" })],
            "blocked" => vec![json!({ "event": "bounce", "type": "blocked", "status": "5.7.1", "reason": "policy" })],
            "dropped" => vec![json!({ "event": "dropped", "reason": "Bounced Address" })],
            status => vec![json!({ "event": "bounce", "type": "bounce", "status": status, "reason": "unknown user" })],
        },
    };
    std::iter::once(json!({ "event": "processed" }))
        .chain(rest)
        .map(|what| {
            let event = event.clone();
            let stage: Stage = Box::new(move |now| event.posted(&what, now.as_second()));
            stage
        })
        .collect()
}

impl Event {
    /// One batch with this event, as SendGrid writes it: with a line end behind, which is signed, too.
    fn posted(&self, what: &Value, seconds: i64) -> Webhook {
        let mut event = json!({
            "email": self.to,
            "timestamp": seconds,
            "smtp-id": self.smtp_id,
            "sg_event_id": format!("{}-{}", self.message_id, what["event"].as_str().unwrap_or_default()),
            "sg_message_id": format!("{}.recvd-simulator-1.0", self.message_id),
        });
        if let Some(attempt) = self.attempt {
            event[REF_FIELD] = json!(attempt.to_string());
        }
        if let (Some(event), Some(what)) = (event.as_object_mut(), what.as_object()) {
            event.extend(what.clone());
        }
        let body = format!("[{event}]\r\n");
        let signed = format!("{seconds}{body}");
        let signature =
            signing_key(&self.account.key).sign(&SystemRandom::new(), signed.as_bytes()).expect("a sound key can sign");
        Webhook::post(self.account.webhook_url.as_str(), "application/json", body)
            .with_header("x-twilio-email-event-webhook-signature", STANDARD.encode(signature))
            .with_header("x-twilio-email-event-webhook-timestamp", seconds.to_string())
    }
}

pub(crate) fn inbound(core: &Core, account: &Account, from: &str, to: &str, text: &str) -> Webhook {
    let boundary = format!("xYzZY{}", core.random_hex(Vendor::Sendgrid, 12));
    let id = format!("<{}@mail.example>", core.random_hex(Vendor::Sendgrid, 16));
    let fields = [
        ("headers", format!("Message-ID: {id}\r\nFrom: {from}\r\nTo: {to}\r\nSubject: Reply\r\n")),
        ("from", from.to_owned()),
        ("to", to.to_owned()),
        ("subject", "Reply".to_owned()),
        ("text", text.to_owned()),
        ("envelope", json!({ "to": [to], "from": from }).to_string()),
        ("charsets", json!({ "to": "UTF-8", "from": "UTF-8", "subject": "UTF-8", "text": "UTF-8" }).to_string()),
        ("attachments", "0".to_owned()),
        ("SPF", "pass".to_owned()),
    ];
    let mut body = String::new();
    for (name, value) in fields {
        body.push_str(&format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"));
    }
    body.push_str(&format!("--{boundary}--\r\n"));
    let word = |name: &str| account.credentials[name].as_str().unwrap_or_default();
    let login = STANDARD.encode(format!("{}:{}", word("inbound_username"), word("inbound_password")));
    Webhook::post(account.webhook_url.as_str(), &format!("multipart/form-data; boundary={boundary}"), body)
        .with_header("authorization", format!("Basic {login}"))
}

fn refuse(fault: &Fault) -> (String, HttpResponse) {
    match fault {
        Fault::Throttle { .. } => {
            let mut answer = HttpResponse::TooManyRequests();
            if let Some(header) = faces::retry_after(fault) {
                answer.insert_header(header);
            }
            ("429".to_owned(), answer.json(json!({ "errors": [{ "field": null, "message": "too many requests" }] })))
        }
        Fault::VendorCode(code) if code == "from" => (code.clone(), error(StatusCode::BAD_REQUEST, Some("from.email"))),
        Fault::VendorCode(code) => (code.clone(), error(status(code.parse().unwrap_or(400)), None)),
        Fault::Status(found) => (found.to_string(), error(status(*found), None)),
        Fault::Garbage | Fault::DropAfterAccept | Fault::Hang => ("garbage".to_owned(), faces::garbage()),
    }
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The vendor's error body.
fn error(status: StatusCode, field: Option<&str>) -> HttpResponse {
    HttpResponse::build(status)
        .json(json!({ "errors": [{ "message": "simulated refusal", "field": field, "help": null }] }))
}
