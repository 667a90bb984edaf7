//! Amazon's face: SES v2 SendEmail with a signature that is checked for real, and SNS around every event.
//!
//! Codes of a fate: `<bounceType>/<bounceSubType>`, or `complaint`. Codes of a refusal: the name of an exception.
//! Magic recipients: see `smtp/magic.rs`.

use std::sync::{Arc, OnceLock};

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use aws_credential_types::Credentials;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carepost_kernel::AttemptRef;
use jiff::Timestamp;
use jiff::civil::DateTime;
use mail_parser::MessageParser;
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
use crate::email::ses::{ToSign, signature_headers};

const REGION: &str = "us-east-1";
const SEND_PATH: &str = "/v2/email/outbound-emails";
const CERTIFICATE_PATH: &str = "/SimpleNotificationService-simulator.pem";
const CONFIRM_PATH: &str = "/sns/confirm";
/// SES takes 40 MB of base64.
const MAX_BODY_BYTES: usize = 41 * 1024 * 1024;
/// Amazon refuses signatures of another time.
const MAX_SKEW_SECONDS: i64 = 300;

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(web::resource(SEND_PATH).app_data(web::PayloadConfig::new(MAX_BODY_BYTES)).route(web::post().to(send)))
        .service(web::resource(CERTIFICATE_PATH).route(web::get().to(certificate)))
        .service(web::resource(CONFIRM_PATH).route(web::get().to(confirm)));
}

pub(crate) fn open_account(core: &Core, webhook_url: &Url) -> Account {
    let access_key_id = format!("AKIA{}", core.random_hex(Vendor::Ses, 16).to_uppercase());
    let settings = json!({
        "region": REGION,
        "from_email": "care@clinic.example",
        "from_name": "Clinic",
        "configuration_set": "carepost",
        "max_age_seconds": 600,
        "topic_arn": format!("arn:aws:sns:{REGION}:000000000000:carepost-{}", core.random_hex(Vendor::Ses, 8)),
    });
    let credentials = json!({ "access_key_id": access_key_id, "secret_access_key": core.random_hex(Vendor::Ses, 40) });
    account(core, settings, credentials, webhook_url).expect("made above with all fields")
}

/// The account behind settings and credentials that somebody has stored.
pub(crate) fn adopt_account(core: &Core, settings: &Value, credentials: &Value, webhook_url: &Url) -> Option<Account> {
    account(core, settings.clone(), credentials.clone(), webhook_url)
}

fn account(core: &Core, settings: Value, credentials: Value, webhook_url: &Url) -> Option<Account> {
    settings["topic_arn"].as_str()?;
    Some(Account {
        vendor: Vendor::Ses,
        key: credentials["access_key_id"].as_str()?.to_owned(),
        secret: credentials["secret_access_key"].as_str()?.to_owned(),
        webhook_secret: String::new(),
        material: Vec::new(),
        webhook_url: webhook_url.clone(),
        settings,
        credentials,
        base_url: Some(core.http_base.clone()),
    })
}

fn magic(to: &str) -> Option<super::core::Magic> {
    EmailMagic {
        bounce: "Permanent/General",
        blocked: "Transient/ContentRejected",
        suppressed: "Permanent/OnAccountSuppressionList",
        full: fate("Transient/MailboxFull"),
        reject: "MessageRejected",
        greylist: Fault::Status(503),
    }
    .of(to)
}

/// Recomputes the signature over what came.
fn authenticate(core: &Core, request: &HttpRequest, body: &[u8]) -> Result<Arc<Account>, &'static str> {
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let given = text("authorization").ok_or("MissingAuthenticationTokenException")?;
    let key = given
        .strip_prefix("AWS4-HMAC-SHA256 Credential=")
        .and_then(|rest| rest.split('/').next())
        .ok_or("IncompleteSignature")?;
    let account = core.account(Vendor::Ses, key).ok_or("UnrecognizedClientException")?;
    let at = text("x-amz-date")
        .and_then(|date| DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok())
        .and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok())
        .map(|date| date.timestamp())
        .ok_or("IncompleteSignature")?;
    if (core.clock.now().as_second() - at.as_second()).abs() > MAX_SKEW_SECONDS {
        return Err("SignatureDoesNotMatch");
    }
    let credentials = Credentials::new(&account.key, &account.secret, None, None, "simulator");
    let host = text(header::HOST.as_str()).ok_or("IncompleteSignature")?;
    let url = format!("http://{host}{SEND_PATH}");
    let expected = signature_headers(&credentials, &ToSign { region: REGION, url: &url, host, body, at })
        .and_then(|headers| headers.into_iter().find(|(name, _)| *name == "authorization"))
        .ok_or("IncompleteSignature")?;
    match verify_slices_are_equal(expected.1.as_bytes(), given.as_bytes()) {
        Ok(()) => Ok(account),
        Err(_) => Err("SignatureDoesNotMatch"),
    }
}

async fn send(request: HttpRequest, body: web::Bytes, core: web::Data<Core>) -> HttpResponse {
    let core = core.into_inner();
    let account = match authenticate(&core, &request, &body) {
        Ok(account) => account,
        Err(exception) => return error(StatusCode::FORBIDDEN, exception),
    };
    let mail: Value = serde_json::from_slice(&body).unwrap_or_default();
    let raw = mail.pointer("/Content/Raw/Data").and_then(Value::as_str).and_then(|data| STANDARD.decode(data).ok());
    let to = mail.pointer("/Destination/ToAddresses/0").and_then(Value::as_str).map(str::to_owned);
    let (Some(raw), Some(to)) = (raw, to) else { return error(StatusCode::BAD_REQUEST, "BadRequestException") };
    let Some(message) = MessageParser::default().parse(&raw) else {
        return error(StatusCode::BAD_REQUEST, "BadRequestException");
    };
    let tags = mail["EmailTags"].as_array().cloned().unwrap_or_default();
    let reference = tags.iter().find(|tag| tag["Name"] == REF_FIELD).and_then(|tag| tag["Value"].as_str());
    let attempt: Option<AttemptRef> = reference.and_then(|text| text.parse().ok());
    let sending = Sending {
        vendor: Vendor::Ses,
        attempt,
        magic: magic(&to),
        to: to.clone(),
        text: message.body_text(0).unwrap_or_default().into_owned(),
    };
    let subject = message.subject().map(str::to_owned);
    let message_id = format!("0100{}-{}-000000", core.random_hex(Vendor::Ses, 12), core.random_uuid(Vendor::Ses));
    let now = core.clock.now();
    let base = core.http_base.clone();
    let accept = move |ending: Ending| {
        let answer = HttpResponse::Ok().json(json!({ "MessageId": message_id }));
        let event = Event { account, base, attempt, to, message_id: message_id.clone(), sent_at: now };
        Acceptance { provider_ref: message_id, stages: stages(event, &ending), answer }
    };
    faces::take_with_subject(core, request, sending, subject, accept, refuse).await
}

/// What all events of one message have in common.
#[derive(Clone)]
struct Event {
    account: Arc<Account>,
    base: Url,
    attempt: Option<AttemptRef>,
    to: String,
    message_id: String,
    sent_at: Timestamp,
}

fn stages(event: Event, ending: &Ending) -> Vec<Stage> {
    let last = match ending {
        Ending::Delivered => vec!["Delivery".to_owned()],
        Ending::Undelivered(code) => match code.as_deref().unwrap_or("Permanent/General") {
            COMPLAINT => vec!["Delivery".to_owned(), "Complaint".to_owned()],
            bounce => vec![format!("Bounce:{bounce}")],
        },
    };
    std::iter::once("Send".to_owned())
        .chain(last)
        .map(|kind| {
            let event = event.clone();
            let stage: Stage = Box::new(move |now| event.posted(&kind, now));
            stage
        })
        .collect()
}

impl Event {
    /// One event in its SNS envelope.
    fn posted(&self, kind: &str, now: Timestamp) -> Webhook {
        let (kind, code) = kind.split_once(':').unwrap_or((kind, ""));
        let mut record = json!({
            "eventType": kind,
            "mail": {
                "timestamp": millis(self.sent_at),
                "messageId": self.message_id,
                "source": "care@clinic.example",
                "destination": [self.to],
                "headersTruncated": true,
                "tags": { "ses:configuration-set": ["carepost"] },
            },
        });
        if let Some(attempt) = self.attempt {
            record["mail"]["tags"][REF_FIELD] = json!([attempt.to_string()]);
        }
        let recipient = json!([{ "emailAddress": self.to }]);
        match kind {
            "Delivery" => record["delivery"] = json!({ "timestamp": millis(now), "recipients": [self.to] }),
            "Complaint" => {
                record["complaint"] = json!({
                    "timestamp": millis(now),
                    "complaintFeedbackType": "abuse",
                    "complainedRecipients": recipient,
                });
            }
            "Bounce" => {
                let (bounce_type, sub_type) = code.split_once('/').unwrap_or((code, "General"));
                record["bounce"] = json!({
                    "timestamp": millis(now),
                    "bounceType": bounce_type,
                    "bounceSubType": sub_type,
                    "bouncedRecipients": recipient,
                });
            }
            _ => record["send"] = json!({}),
        }
        notification(&self.account, &self.base, &record.to_string(), now)
    }
}

fn millis(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// The simulator's SNS key and certificate: one of each process, since an RSA key takes long to make.
struct Signer {
    key: rsa::KeyPair,
    certificate_pem: String,
}

fn signer() -> &'static Signer {
    static SIGNER: OnceLock<Signer> = OnceLock::new();
    SIGNER.get_or_init(|| {
        let pair = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048)
            .expect("the machine has randomness");
        let certificate = rcgen::CertificateParams::new(vec!["sns.simulator.example".to_owned()])
            .and_then(|params| params.self_signed(&pair))
            .expect("a fresh key can sign a certificate");
        let key = rsa::KeyPair::from_pkcs8(pair.serialized_der()).expect("a fresh key can be read back");
        Signer { key, certificate_pem: certificate.pem() }
    })
}

fn sign(text: &str) -> String {
    let key = &signer().key;
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).expect("a sound key can sign");
    STANDARD.encode(signature)
}

/// A message in its signed envelope, with the content type that SNS uses.
fn notification(account: &Account, base: &Url, message: &str, now: Timestamp) -> Webhook {
    let arn = account.settings["topic_arn"].as_str().unwrap_or_default();
    let id = uuid::Uuid::new_v4().to_string();
    let timestamp = millis(now);
    let text =
        format!("Message\n{message}\nMessageId\n{id}\nTimestamp\n{timestamp}\nTopicArn\n{arn}\nType\nNotification\n");
    let envelope = json!({
        "Type": "Notification",
        "MessageId": id,
        "TopicArn": arn,
        "Message": message,
        "Timestamp": timestamp,
        "SignatureVersion": "2",
        "Signature": sign(&text),
        "SigningCertURL": at_base(base, CERTIFICATE_PATH),
        "UnsubscribeURL": at_base(base, "/sns/unsubscribe"),
    });
    posted(account, "Notification", &envelope)
}

/// The handshake that SNS begins when somebody subscribes the webhook to the topic.
#[cfg(test)]
pub(crate) fn subscription(core: &Core, account: &Account) -> Webhook {
    let arn = account.settings["topic_arn"].as_str().unwrap_or_default();
    let (id, timestamp) = (uuid::Uuid::new_v4().to_string(), millis(core.clock.now()));
    let token = confirmation_token(account);
    let subscribe_url = format!("{}?Token={token}&AccessKey={}", at_base(&core.http_base, CONFIRM_PATH), account.key);
    let message = "You have chosen to subscribe";
    let text = format!(
        "Message\n{message}\nMessageId\n{id}\nSubscribeURL\n{subscribe_url}\nTimestamp\n{timestamp}\n\
         Token\n{token}\nTopicArn\n{arn}\nType\nSubscriptionConfirmation\n"
    );
    let envelope = json!({
        "Type": "SubscriptionConfirmation",
        "MessageId": id,
        "TopicArn": arn,
        "Token": token,
        "Message": message,
        "SubscribeURL": subscribe_url,
        "Timestamp": timestamp,
        "SignatureVersion": "2",
        "Signature": sign(&text),
        "SigningCertURL": at_base(&core.http_base, CERTIFICATE_PATH),
    });
    posted(account, "SubscriptionConfirmation", &envelope)
}

fn posted(account: &Account, kind: &str, envelope: &Value) -> Webhook {
    Webhook::post(account.webhook_url.as_str(), "text/plain; charset=UTF-8", envelope.to_string())
        .with_header("x-amz-sns-message-type", kind)
}

fn at_base(base: &Url, path: &str) -> String {
    format!("{}{path}", base.as_str().trim_end_matches('/'))
}

fn confirmation_token(account: &Account) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, account.secret.as_bytes()))
}

async fn certificate() -> HttpResponse {
    HttpResponse::Ok().content_type("application/x-pem-file").body(signer().certificate_pem.clone())
}

async fn confirm(request: HttpRequest, core: web::Data<Core>) -> HttpResponse {
    let query = faces::Form::parse(request.query_string().as_bytes());
    let account = query.get("AccessKey").and_then(|key| core.account(Vendor::Ses, key));
    match account {
        Some(account) if query.get("Token") == Some(&confirmation_token(&account)) => {
            HttpResponse::Ok().content_type("text/xml").body("<ConfirmSubscriptionResponse/>")
        }
        _ => HttpResponse::Forbidden().finish(),
    }
}

pub(crate) fn inbound(core: &Core, account: &Account, from: &str, to: &str, text: &str) -> Webhook {
    let id = core.random_hex(Vendor::Ses, 20);
    let now = core.clock.now();
    let raw = format!(
        "From: {from}\r\nTo: {to}\r\nSubject: Reply\r\nMessage-ID: <{id}@mail.example>\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    );
    let verdict = json!({ "status": "PASS" });
    let record = json!({
        "notificationType": "Received",
        "mail": { "timestamp": millis(now), "messageId": id, "source": from, "destination": [to] },
        "receipt": {
            "timestamp": millis(now),
            "recipients": [to],
            "spamVerdict": verdict,
            "virusVerdict": verdict,
            "action": { "type": "SNS", "encoding": "BASE64" },
        },
        "content": STANDARD.encode(raw),
    });
    notification(account, &core.http_base, &record.to_string(), now)
}

fn refuse(fault: &Fault) -> (String, HttpResponse) {
    match fault {
        Fault::Throttle { .. } => {
            let mut answer = HttpResponse::TooManyRequests();
            if let Some(header) = faces::retry_after(fault) {
                answer.insert_header(header);
            }
            answer.insert_header(("x-amzn-ErrorType", "TooManyRequestsException"));
            ("TooManyRequestsException".to_owned(), answer.json(json!({ "message": "Maximum sending rate exceeded." })))
        }
        Fault::VendorCode(name) => {
            let status = match name.as_str() {
                "TooManyRequestsException" => StatusCode::TOO_MANY_REQUESTS,
                "NotFoundException" => StatusCode::NOT_FOUND,
                "AccessDeniedException" | "SignatureDoesNotMatch" | "ExpiredTokenException" => StatusCode::FORBIDDEN,
                "ServiceUnavailableException" => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::BAD_REQUEST,
            };
            (name.clone(), error(status, name))
        }
        Fault::Status(status) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status.as_u16().to_string(), HttpResponse::build(status).finish())
        }
        Fault::Garbage | Fault::DropAfterAccept | Fault::Hang => ("garbage".to_owned(), faces::garbage()),
    }
}

/// The vendor's error: its name in a header, a text in the body.
fn error(status: StatusCode, exception: &str) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header(("x-amzn-ErrorType", exception.to_owned()))
        .json(json!({ "message": "simulated refusal" }))
}

#[cfg(test)]
mod tests;
