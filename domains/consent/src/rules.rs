//! Pure decisions of the room: whether, when and how a message may leave, as far as people and the law are concerned.
//!
//! One function for each rule of the gate, each `fn(&GateQuestion) -> Verdict`. They read facts that are in memory, allocate
//! nothing where a message may go, and know no clock. Emergencies are held by opt-outs (decision C33) and by the end of a link
//! between guardian and ward (C59).
//!
//! | rule | holds | how |
//! |---|---|---|
//! | suppression | the address opted out, bounced, complained | other channel |
//! | consent | missing, expired or taken back; or the reader's link to a ward has ended or is for something else | other channel |
//! | preference | topic is not wanted on the channel | other channel |
//! | digest | topic comes gathered | wait |
//! | quiet hours | hours of law, state, practice and recipient | wait |
//! | caps | too many of late | wait, or refuse by policy |
//! | identification | it does not say who speaks | refuse |
//! | registration | the sender is not registered | other channel |
//! | length | too long for the exemption | other channel |

mod caps;
mod codes;
mod consent;
mod digest;
mod guardians;
mod identification;
mod preference;
mod question;
mod quiet_hours;
mod registration;
mod reminders;
mod suppression;

pub use caps::caps;
pub use codes::GateCode;
pub use consent::{consent, goes_by_exemption, wants_unsecured};
pub use digest::digest;
pub use identification::{identification, names_practice, with_practice_name, with_way_out};
pub use preference::preference;
pub use question::{Answers, GateQuestion, purpose_of};
pub use quiet_hours::quiet_hours;
pub use registration::{length, registration};
pub use reminders::reminder_times;
pub use suppression::suppression;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
