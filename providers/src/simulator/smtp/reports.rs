//! What the mail server reports later: delivery status notifications and abuse reports.

use std::sync::Arc;

use jiff::Timestamp;

use super::super::accounts::Account;
use super::super::core::Ending;
use super::super::webhooks::Stage;
use super::magic::COMPLAINT;
use super::{Taken, posted};

/// The reports on one message, in order.
pub(super) fn stages(account: &Arc<Account>, taken: &Taken, ending: &Ending) -> Vec<Stage> {
    let report = Arc::new(Report {
        bounces: taken.from.clone(),
        to: taken.to.clone(),
        envelope_id: taken.envelope_id.clone(),
        headers: headers(&taken.raw),
    });
    let delivered = taken.wants_success.then_some(Kind::Notice { action: "delivered", status: "2.0.0".to_owned() });
    let kinds: Vec<Kind> = match ending {
        Ending::Delivered => delivered.into_iter().collect(),
        Ending::Undelivered(Some(code)) if code == COMPLAINT => delivered.into_iter().chain([Kind::Abuse]).collect(),
        Ending::Undelivered(code) => {
            vec![Kind::Notice { action: "failed", status: code.clone().unwrap_or_else(|| "5.1.1".to_owned()) }]
        }
    };
    kinds
        .into_iter()
        .map(|kind| {
            let (account, report) = (Arc::clone(account), Arc::clone(&report));
            let stage: Stage = Box::new(move |now| posted(&account, report.written(&kind, now), now));
            stage
        })
        .collect()
}

enum Kind {
    Notice { action: &'static str, status: String },
    Abuse,
}

struct Report {
    bounces: String,
    to: String,
    envelope_id: Option<String>,
    headers: String,
}

/// The headers of the message, for the part that comes back.
fn headers(raw: &[u8]) -> String {
    let end = raw.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(raw.len());
    String::from_utf8_lossy(&raw[..end]).into_owned()
}

impl Report {
    fn written(&self, kind: &Kind, now: Timestamp) -> String {
        let date = now.strftime("%a, %d %b %Y %H:%M:%S +0000");
        let (report_type, part_type, fields) = match kind {
            Kind::Notice { action, status } => ("delivery-status", "delivery-status", self.notice(action, status)),
            Kind::Abuse => ("feedback-report", "feedback-report", self.abuse()),
        };
        format!(
            "From: MAILER-DAEMON@mx.example\r\nTo: <{}>\r\nDate: {date}\r\nSubject: Report\r\n\
             Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type={report_type}; boundary=\"part\"\r\n\r\n\
             --part\r\nContent-Type: text/plain\r\n\r\nThis is a report.\r\n\
             --part\r\nContent-Type: message/{part_type}\r\n\r\n{fields}\r\n\
             --part\r\nContent-Type: text/rfc822-headers\r\n\r\n{}\r\n--part--\r\n",
            self.bounces, self.headers
        )
    }

    fn notice(&self, action: &str, status: &str) -> String {
        let envelope_id = self.envelope_id.as_ref().map(|id| format!("Original-Envelope-Id: {id}\r\n"));
        format!(
            "Reporting-MTA: dns; mx.example\r\n{}\r\nFinal-Recipient: rfc822; {}\r\nAction: {action}\r\n\
             Status: {status}\r\nDiagnostic-Code: smtp; simulated\r\n",
            envelope_id.unwrap_or_default(),
            self.to
        )
    }

    fn abuse(&self) -> String {
        format!(
            "Feedback-Type: abuse\r\nUser-Agent: simulator/1\r\nVersion: 1\r\nOriginal-Mail-From: <{}>\r\n",
            self.bounces
        )
    }
}
