//! The face of Vonage's Messages API v1: `/v1/messages`, status and inbound webhooks with signed tokens.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use url::Url;

use super::accounts::Account;
use super::core::{Core, Ending};
use super::faces::{self, Acceptance, MagicCodes, Sending};
use super::profile::Fault;
use super::webhooks::{Stage, Webhook};
use crate::contract::Vendor;
use crate::sms::vonage_messages::signature::{self, WebhookClaims};

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service(web::resource("/v1/messages").route(web::post().to(send)));
}

/// One key pair for all simulated applications: making one takes long. PEM for the caller, DER for the face.
fn application_key() -> &'static (String, Vec<u8>) {
    static KEY: OnceLock<(String, Vec<u8>)> = OnceLock::new();
    KEY.get_or_init(|| {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("aws-lc-rs makes RSA keys of 2048 bits");
        let private = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).expect("a fresh key can be written down");
        let lines: Vec<String> = STANDARD
            .encode(private.as_ref())
            .as_bytes()
            .chunks(64)
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect();
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
        (pem, pair.public_key().as_ref().to_vec())
    })
}

pub(crate) fn open_account(core: &Core, webhook_url: &Url) -> Account {
    let application_id = core.random_uuid(Vendor::VonageMessages).to_string();
    let webhook_secret = core.random_hex(Vendor::VonageMessages, 32);
    let (private_key, public_key) = application_key().clone();
    Account {
        vendor: Vendor::VonageMessages,
        settings: json!({ "application_id": application_id, "from": "15005550006" }),
        credentials: json!({ "private_key": private_key, "signature_secret": webhook_secret }),
        key: application_id,
        secret: String::new(),
        webhook_secret,
        material: public_key,
        webhook_url: webhook_url.clone(),
        base_url: Some(core.http_base.clone()),
    }
}

/// The account behind settings and credentials that somebody has stored.
pub(crate) fn adopt_account(core: &Core, settings: &Value, credentials: &Value, webhook_url: &Url) -> Option<Account> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let (key, secret, material) = if let Some(pem) = credentials["private_key"].as_str() {
        let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let pair = KeyPair::from_pkcs8(&STANDARD.decode(base64).ok()?).ok()?;
        (text(&settings["application_id"])?, String::new(), pair.public_key().as_ref().to_vec())
    } else {
        (text(&settings["api_key"])?, text(&credentials["api_secret"])?, Vec::new())
    };
    Some(Account {
        key,
        secret,
        material,
        webhook_secret: text(&credentials["signature_secret"])?,
        settings: settings.clone(),
        credentials: credentials.clone(),
        ..open_account(core, webhook_url)
    })
}

fn magic_codes() -> MagicCodes {
    MagicCodes {
        invalid: "1150",
        unroutable: "1021",
        region: "1120",
        opted_out: "1240",
        no_mobile: "1300",
        undelivered: "1330",
        unavailable: Fault::Status(503),
    }
}

#[derive(serde::Deserialize)]
struct CallClaims {
    application_id: String,
    iat: i64,
    exp: i64,
}

/// By a token of the application, or by key and secret.
fn authenticate(core: &Core, request: &HttpRequest) -> Option<Arc<Account>> {
    if let Some((key, secret)) = faces::basic(request) {
        let account = core.account(Vendor::VonageMessages, &key)?;
        return (!secret.is_empty() && account.secret == secret).then_some(account);
    }
    let token = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims = HashSet::new();
    let unverified: CallClaims = jsonwebtoken::dangerous::insecure_decode(token).ok()?.claims;
    let account = core.account(Vendor::VonageMessages, &unverified.application_id)?;
    let key = DecodingKey::from_rsa_der(&account.material);
    let claims: CallClaims = jsonwebtoken::decode(token, &key, &validation).ok()?.claims;
    let now = core.clock.now().as_second();
    (claims.iat <= now + 60 && claims.exp > now).then_some(account)
}

async fn send(request: HttpRequest, body: web::Bytes, core: web::Data<Core>) -> HttpResponse {
    let core = core.into_inner();
    let Some(account) = authenticate(&core, &request) else {
        return problem(StatusCode::UNAUTHORIZED, "1140", None);
    };
    let Ok(body) = serde_json::from_slice::<Value>(&body) else {
        return problem(StatusCode::UNPROCESSABLE_ENTITY, "1150", None);
    };
    let text = match body["channel"].as_str() {
        Some("sms") => body["text"].as_str(),
        Some("mms") => body["image"]["url"].as_str().map(|_| body["image"]["caption"].as_str().unwrap_or_default()),
        _ => None,
    };
    let (Some(text), Some(to), Some(_)) = (text, body["to"].as_str(), body["from"].as_str()) else {
        return problem(StatusCode::UNPROCESSABLE_ENTITY, "1150", None);
    };
    let client_ref = body["client_ref"].as_str().map(str::to_owned);
    let callback = body["webhook_url"].as_str().map_or_else(|| account.webhook_url.to_string(), str::to_owned);
    let channel = if body["channel"] == "mms" { "mms" } else { "sms" };
    let sending = Sending {
        vendor: Vendor::VonageMessages,
        attempt: client_ref.as_deref().and_then(|reference| reference.parse().ok()),
        magic: magic_codes().of(to),
        to: to.to_owned(),
        text: text.to_owned(),
    };
    let to = to.to_owned();
    let id = core.random_uuid(Vendor::VonageMessages).to_string();
    let accept = move |ending: Ending| {
        let answer = HttpResponse::Accepted().json(json!({ "message_uuid": id }));
        let body = json!({
            "message_uuid": id,
            "to": to,
            "from": account.settings["from"],
            "channel": channel,
            "client_ref": client_ref,
        });
        Acceptance { provider_ref: id, stages: stages(&account, &callback, &body, &ending), answer }
    };
    faces::take(core, request, sending, accept, refuse).await
}

/// `submitted`, then how it ends.
fn stages(account: &Arc<Account>, callback: &str, body: &Value, ending: &Ending) -> Vec<Stage> {
    let last = match ending {
        Ending::Delivered => ("delivered", None),
        Ending::Undelivered(code) => ("undeliverable", Some(code.clone().unwrap_or_else(|| "1260".to_owned()))),
    };
    [("submitted", None), last]
        .into_iter()
        .map(|(status, code)| {
            let (account, callback, mut body) = (Arc::clone(account), callback.to_owned(), body.clone());
            body["status"] = json!(status);
            if let Some(code) = code {
                body["error"] = problem_body(&code);
            }
            let stage: Stage = Box::new(move |now| {
                let mut body = body.clone();
                body["timestamp"] = json!(now.to_string());
                signed(&account, &callback, &body, now)
            });
            stage
        })
        .collect()
}

fn signed(account: &Account, url: &str, body: &Value, now: Timestamp) -> Webhook {
    let body = body.to_string();
    let claims = WebhookClaims {
        iat: now.as_second(),
        exp: None,
        payload_hash: Some(hex::encode(digest::digest(&digest::SHA256, body.as_bytes()))),
        jti: Some(uuid::Uuid::new_v4().to_string()),
        iss: Some("Vonage".to_owned()),
        api_key: None,
    };
    // HMAC keys of any length can sign.
    let token = signature::sign(&account.webhook_secret, &claims).unwrap_or_default();
    Webhook::post(url, "application/json", body).with_header("authorization", format!("Bearer {token}"))
}

pub(crate) fn inbound(core: &Core, account: &Account, from: &str, to: &str, text: &str) -> Webhook {
    let now = core.clock.now();
    let body = json!({
        "channel": "sms",
        "message_type": "text",
        "message_uuid": core.random_uuid(Vendor::VonageMessages).to_string(),
        "to": to.trim_start_matches('+'),
        "from": from.trim_start_matches('+'),
        "timestamp": now.to_string(),
        "text": text,
        "sms": { "num_messages": "1", "keyword": text.split_whitespace().next().unwrap_or_default().to_uppercase() },
        "usage": { "currency": "EUR", "price": "0.0333" },
    });
    signed(account, account.webhook_url.as_str(), &body, now)
}

fn problem_body(code: &str) -> Value {
    json!({
        "type": format!("https://developer.vonage.com/api-errors/messages#{code}"),
        "title": "Simulated refusal",
        "detail": "The simulator was told to refuse this",
        "instance": "bf0ca0bf927b3b52e3cb03217e1a1ddf",
    })
}

fn problem(status: StatusCode, code: &str, header: Option<(&'static str, String)>) -> HttpResponse {
    let mut answer = HttpResponse::build(status);
    if let Some(header) = header {
        answer.insert_header(header);
    }
    answer.content_type("application/problem+json").body(problem_body(code).to_string())
}

fn refuse(fault: &Fault) -> (String, HttpResponse) {
    match fault {
        Fault::Throttle { .. } => {
            ("1000".to_owned(), problem(StatusCode::TOO_MANY_REQUESTS, "1000", faces::retry_after(fault)))
        }
        Fault::VendorCode(code) => {
            let status = match code.as_str() {
                "1000" => StatusCode::TOO_MANY_REQUESTS,
                "1140" => StatusCode::UNAUTHORIZED,
                "1100" => StatusCode::INTERNAL_SERVER_ERROR,
                _ => StatusCode::UNPROCESSABLE_ENTITY,
            };
            (code.clone(), problem(status, code, None))
        }
        Fault::Status(status) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status.as_u16().to_string(), HttpResponse::build(status).finish())
        }
        Fault::Garbage | Fault::DropAfterAccept | Fault::Hang => ("garbage".to_owned(), faces::garbage()),
    }
}
