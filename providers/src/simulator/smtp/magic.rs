//! Magic recipients of the email vendors, at `simulator.example`.
//!
//! | local part | SendGrid | SES | SMTP |
//! |---|---|---|---|
//! | `bounce` | accepted, then bounce 5.1.1 | then Bounce Permanent/General | then notice: failed 5.1.1 |
//! | `blocked` | then bounce of type blocked | then Bounce Transient/ContentRejected | then notice: failed 5.7.1 |
//! | `suppressed` | then dropped: Bounced Address | then Bounce Permanent/OnAccountSuppressionList | then notice: failed 5.1.1 |
//! | `complaint` | delivered, then spamreport | Delivery, then Complaint | delivered, then abuse report |
//! | `full` | then bounce of type blocked | then Bounce Transient/MailboxFull | 452 4.2.2 |
//! | `reject` | 400 | MessageRejected | 550 5.1.1 |
//! | `greylist` | 503 twice for each message | 503 twice | 451 4.7.1 twice |
//! | `drop` | accepted, connection cut without an answer | the same | the same, after the final dot |
//! | `hang` | neither accepted nor answered | the same | the same, after the final dot |

use super::super::core::Magic;
use super::super::profile::{Fate, Fault};

/// How one vendor says it.
pub(crate) struct EmailMagic {
    pub(crate) bounce: &'static str,
    pub(crate) blocked: &'static str,
    pub(crate) suppressed: &'static str,
    pub(crate) full: Magic,
    pub(crate) reject: &'static str,
    pub(crate) greylist: Fault,
}

/// The code of an ending that arrives and is then called spam.
pub(crate) const COMPLAINT: &str = "complaint";

/// A fate with this code.
pub(crate) fn fate(code: &str) -> Magic {
    Magic::Fate(Fate::Undelivered { code: code.to_owned() })
}

impl EmailMagic {
    /// What a recipient asks for.
    pub(crate) fn of(self, recipient: &str) -> Option<Magic> {
        match recipient.strip_suffix("@simulator.example")? {
            "bounce" => Some(fate(self.bounce)),
            "blocked" => Some(fate(self.blocked)),
            "suppressed" => Some(fate(self.suppressed)),
            "complaint" => Some(fate(COMPLAINT)),
            "full" => Some(self.full),
            "reject" => Some(Magic::Fault(Fault::VendorCode(self.reject.to_owned()))),
            "greylist" => Some(Magic::TwiceThenAccept(self.greylist)),
            "drop" => Some(Magic::Fault(Fault::DropAfterAccept)),
            "hang" => Some(Magic::Fault(Fault::Hang)),
            _ => None,
        }
    }
}
