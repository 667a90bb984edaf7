//! The face of Vonage's SMS API: `/sms/json`, delivery receipts as JSON, inbound messages as `GET`.
//!
//! [`Fault::VendorCode`] may name several statuses, `0,9`: one for each part of the answer.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use carepost_kernel::{Clock, segments};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::accounts::Account;
use super::core::{Core, Ending};
use super::faces::{self, Acceptance, Form, MagicCodes, Sending};
use super::profile::Fault;
use super::webhooks::{Stage, Webhook};
use crate::contract::Vendor;
use crate::sms::vonage_sms::SignatureMethod;
use crate::sms::vonage_sms::signature::{self, Params};

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service(web::resource("/sms/json").route(web::post().to(send)));
}

pub(crate) fn open_account(core: &Core, webhook_url: &Url) -> Account {
    let key = core.random_hex(Vendor::VonageSms, 8);
    let secret = core.random_hex(Vendor::VonageSms, 16);
    let webhook_secret = core.random_hex(Vendor::VonageSms, 32);
    Account {
        vendor: Vendor::VonageSms,
        settings: json!({ "api_key": key, "from": "15005550006" }),
        credentials: json!({ "api_secret": secret, "signature_secret": webhook_secret }),
        key,
        secret,
        webhook_secret,
        material: Vec::new(),
        webhook_url: webhook_url.clone(),
        base_url: Some(core.http_base.clone()),
    }
}

/// The account behind settings and credentials that somebody has stored.
pub(crate) fn adopt_account(core: &Core, settings: &Value, credentials: &Value, webhook_url: &Url) -> Option<Account> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Some(Account {
        key: text(&settings["api_key"])?,
        secret: text(&credentials["api_secret"]).unwrap_or_default(),
        webhook_secret: text(&credentials["signature_secret"])?,
        settings: settings.clone(),
        credentials: credentials.clone(),
        ..open_account(core, webhook_url)
    })
}

fn magic_codes() -> MagicCodes {
    MagicCodes {
        invalid: "6",
        unroutable: "22",
        region: "15",
        opted_out: "7",
        no_mobile: "33",
        undelivered: "1",
        unavailable: Fault::VendorCode("5".to_owned()),
    }
}

/// By secret or by signature, never both.
fn authenticate(core: &Core, form: &Form) -> Result<Arc<Account>, &'static str> {
    let account = core.account(Vendor::VonageSms, form.get("api_key").ok_or("2")?).ok_or("4")?;
    match (form.get("api_secret"), form.get("sig")) {
        (Some(_), Some(_)) => Err("32"),
        (Some(secret), None) if !account.secret.is_empty() && secret == account.secret => Ok(account),
        (None, Some(sig)) => {
            let params: Params = form.pairs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let is_authentic = signature::sign(method(&account), &account.webhook_secret, &params) == sig;
            if is_authentic { Ok(account) } else { Err("14") }
        }
        _ => Err("4"),
    }
}

fn method(account: &Account) -> SignatureMethod {
    serde_json::from_value(account.settings["signature_method"].clone()).unwrap_or_default()
}

async fn send(request: HttpRequest, body: web::Bytes, core: web::Data<Core>) -> HttpResponse {
    let core = core.into_inner();
    let form = Form::parse(&body);
    let account = match authenticate(&core, &form) {
        Ok(account) => account,
        Err(status) => return refused(status),
    };
    let (Some(to), Some(text), Some(_)) = (form.get("to"), form.get("text"), form.get("from")) else {
        return refused("2");
    };
    let (to, text) = (to.to_owned(), text.to_owned());
    if !(7..=15).contains(&to.len()) || !to.bytes().all(|byte| byte.is_ascii_digit()) {
        return refused("3");
    }
    let client_ref = form.get("client-ref").map(str::to_owned);
    let callback = form.get("callback").map_or_else(|| account.webhook_url.to_string(), str::to_owned);
    let sending = Sending {
        vendor: Vendor::VonageSms,
        attempt: client_ref.as_deref().and_then(|reference| reference.parse().ok()),
        magic: magic_codes().of(&to),
        to: to.clone(),
        text: text.clone(),
    };
    let parts = segments::count(&text).count.max(1);
    let ids: Vec<String> = (0..parts).map(|_| core.random_hex(Vendor::VonageSms, 16).to_uppercase()).collect();
    let clock = core.clock.clone();
    let accept = move |ending: Ending| {
        let entries = ids.iter().map(|id| part(id, &to, client_ref.as_deref())).collect();
        let answer = answer(entries);
        let news = News { account, to, client_ref, callback, clock };
        let stages = ids.iter().flat_map(|id| news.stages(id, &ending)).collect();
        Acceptance { provider_ref: ids.into_iter().next().unwrap_or_default(), stages, answer }
    };
    faces::take(core, request, sending, accept, refuse).await
}

fn part(id: &str, to: &str, client_ref: Option<&str>) -> Value {
    json!({
        "to": to,
        "message-id": id,
        "status": "0",
        "remaining-balance": "100.00000000",
        "message-price": "0.03330000",
        "network": "310004",
        "client-ref": client_ref,
    })
}

fn answer(parts: Vec<Value>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "message-count": parts.len().to_string(), "messages": parts }))
}

fn refused(status: &str) -> HttpResponse {
    answer(vec![json!({ "status": status, "error-text": "Simulated refusal" })])
}

/// What all receipts of one message have in common.
struct News {
    account: Arc<Account>,
    to: String,
    client_ref: Option<String>,
    callback: String,
    clock: Clock,
}

impl News {
    /// `accepted`, then how it ends.
    fn stages(&self, id: &str, ending: &Ending) -> Vec<Stage> {
        let last = match ending {
            Ending::Delivered => ("delivered", "0".to_owned()),
            Ending::Undelivered(code) => ("failed", code.clone().unwrap_or_else(|| "2".to_owned())),
        };
        [("accepted", "0".to_owned()), last]
            .into_iter()
            .map(|(status, code)| {
                let (account, callback) = (Arc::clone(&self.account), self.callback.clone());
                let params = self.params(id, status, &code);
                let stage: Stage = Box::new(move |now| {
                    let params = signed(&account, params.clone(), now);
                    // A map of texts is always JSON.
                    Webhook::post(&callback, "application/json", serde_json::to_vec(&params).unwrap_or_default())
                });
                stage
            })
            .collect()
    }

    fn params(&self, id: &str, status: &str, code: &str) -> Params {
        let at = self.clock.now();
        let from = self.account.settings["from"].as_str().unwrap_or_default();
        let mut params = named(&[
            ("msisdn", &self.to),
            ("to", from),
            ("network-code", "310004"),
            ("messageId", id),
            ("price", "0.03330000"),
            ("status", status),
            ("scts", &at.strftime("%y%m%d%H%M").to_string()),
            ("err-code", code),
            ("api-key", &self.account.key),
            ("message-timestamp", &at.strftime("%F %T").to_string()),
        ]);
        params.extend(self.client_ref.iter().map(|reference| ("client-ref".to_owned(), reference.clone())));
        params
    }
}

fn named(pairs: &[(&str, &str)]) -> Params {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn signed(account: &Account, mut params: Params, now: jiff::Timestamp) -> Params {
    params.insert("timestamp".to_owned(), now.as_second().to_string());
    params.insert("nonce".to_owned(), uuid::Uuid::new_v4().to_string());
    let sig = signature::sign(method(account), &account.webhook_secret, &params);
    params.insert("sig".to_owned(), sig.to_uppercase());
    params
}

pub(crate) fn inbound(core: &Core, account: &Account, from: &str, to: &str, text: &str) -> Webhook {
    let now = core.clock.now();
    let keyword = text.split_whitespace().next().unwrap_or_default().to_uppercase();
    let params = named(&[
        ("msisdn", from.trim_start_matches('+')),
        ("to", to.trim_start_matches('+')),
        ("messageId", &core.random_hex(Vendor::VonageSms, 16).to_uppercase()),
        ("text", text),
        ("type", "text"),
        ("keyword", &keyword),
        ("api-key", &account.key),
        ("message-timestamp", &now.strftime("%F %T").to_string()),
    ]);
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(signed(account, params, now)).finish();
    let url = format!("{}?{query}", account.webhook_url);
    Webhook { method: reqwest::Method::GET, url, headers: Vec::new(), body: web::Bytes::new() }
}

fn refuse(fault: &Fault) -> (String, HttpResponse) {
    match fault {
        Fault::Throttle { .. } => ("1".to_owned(), refused("1")),
        Fault::VendorCode(code) => {
            let entry = |status: &str| match status {
                "0" => part("00000000DEADBEEF", "15005550006", None),
                status => json!({ "status": status, "error-text": "Simulated refusal" }),
            };
            (code.clone(), answer(code.split(',').map(entry).collect()))
        }
        Fault::Status(status) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status.as_u16().to_string(), HttpResponse::build(status).finish())
        }
        Fault::Garbage | Fault::DropAfterAccept | Fault::Hang => ("garbage".to_owned(), faces::garbage()),
    }
}
