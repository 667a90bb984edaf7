//! The body of Mail Send.

use carepost_kernel::Failure;
use serde_json::{Map, Value, json};

use crate::contract::Outbound;
use crate::email::mime::{self, Unwritable};
use crate::email::sendgrid::NAME;
use crate::email::sendgrid::config::Account;
use crate::email::{REF_FIELD, content};

/// Writes the body.
///
/// # Errors
/// What is wrong with the content; nothing is sent then.
pub(super) fn body(account: &Account, outbound: &Outbound) -> Result<Value, Failure> {
    let content = content(NAME, outbound)?;
    let wrong = |fault: Unwritable| fault.failure(NAME);
    let to = mime::address(outbound.to.expose()).ok_or_else(|| wrong(Unwritable::Recipient))?;
    let (text, html) = mime::bodies(content).map_err(wrong)?;
    // Plain text must come before HTML.
    let parts: Vec<Value> = [("text/plain", text), ("text/html", html)]
        .into_iter()
        .filter_map(|(kind, value)| value.map(|value| json!({ "type": kind, "value": value })))
        .collect();
    let mut from = json!({ "email": account.sender.address.to_string() });
    if let Some(name) = &account.sender.name {
        from["name"] = json!(name);
    }
    let mut body = json!({
        "personalizations": [{
            "to": [{ "email": to.to_string() }],
            "custom_args": { REF_FIELD: outbound.attempt.to_string() },
        }],
        "from": from,
        "subject": mime::one_line(&content.subject),
        "content": parts,
        "headers": headers(account, outbound).map_err(wrong)?,
        "tracking_settings": {
            "click_tracking": { "enable": account.engagement_tracking, "enable_text": false },
            "open_tracking": { "enable": account.engagement_tracking },
        },
    });
    if let Some(reply_to) = &content.reply_to {
        let reply_to = mime::address(reply_to).ok_or_else(|| wrong(Unwritable::ReplyTo))?;
        body["reply_to"] = json!({ "email": reply_to.to_string() });
    }
    let attachments = attachments(&content.attachments).map_err(wrong)?;
    if !attachments.is_empty() {
        body["attachments"] = Value::Array(attachments);
    }
    account_options(account, &mut body);
    Ok(body)
}

fn account_options(account: &Account, body: &mut Value) {
    if let Some(group_id) = account.unsubscribe_group_id {
        body["asm"] = json!({ "group_id": group_id });
    }
    if let Some(pool) = &account.ip_pool_name {
        body["ip_pool_name"] = json!(pool);
    }
    if account.sandbox_mode {
        body["mail_settings"] = json!({ "sandbox_mode": { "enable": true } });
    }
}

fn headers(account: &Account, outbound: &Outbound) -> Result<Map<String, Value>, Unwritable> {
    let id = mime::message_id(outbound.attempt, account.sender.domain());
    let mut headers = Map::new();
    headers.insert("Message-ID".to_owned(), json!(format!("<{id}>")));
    if let carepost_kernel::Content::Email(content) = outbound.content.expose() {
        for (name, value) in mime::unsubscribe_headers(content)?.into_iter().flatten() {
            headers.insert(name.to_owned(), json!(value));
        }
    }
    Ok(headers)
}

fn attachments(files: &[carepost_kernel::Attachment]) -> Result<Vec<Value>, Unwritable> {
    files
        .iter()
        .map(|file| {
            mime::attached(file)?;
            Ok(json!({
                "content": file.content_base64.trim(),
                "type": file.content_type,
                "filename": mime::one_line(&file.filename),
                "disposition": "attachment",
            }))
        })
        .collect()
}
