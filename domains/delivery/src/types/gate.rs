//! What the gate said, as it stands beside an event of the history.

use std::sync::Arc;

use carepost_kernel::{Verdict, Verdicts};

/// The first byte of every record.
const FORMAT: u8 = 1;

/// What each rule of the gate said of one delivery at one instant, and under which version of the policy. It is written
/// for every message, so what passed takes no room: format (1 byte), version of the policy (4, little-endian), and for
/// each rule that objected or has something to note its place in [`Verdicts::by_rule`] (1), what it wants (1: a
/// [`Ruling`]), the length of its code (1) and the code. Nothing of recipient or content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateRecord(Arc<[u8]>);

/// What a rule wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Ruling {
    /// No objection.
    Go = 0,
    /// Not now.
    Wait = 1,
    /// Not on this channel.
    OtherChannel = 2,
    /// Not at all.
    Refuse = 3,
}

impl Ruling {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Go, Self::Wait, Self::OtherChannel, Self::Refuse];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Go => "go",
            Self::Wait => "wait",
            Self::OtherChannel => "other_channel",
            Self::Refuse => "refuse",
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|ruling| *ruling as u8 == byte)
    }
}

/// One rule with what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSaid {
    /// The rule's name, as in [`Verdicts::by_rule`].
    pub rule: &'static str,
    /// What it wants.
    pub ruling: Ruling,
    /// Why, where it objects: a reason of waiting or a stable code. Where it lets pass, what it has done instead.
    pub code: Option<String>,
}

/// A record, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateReading {
    /// The version of the tenant's policy; 0 is the built-in one.
    pub policy_version: u32,
    /// Every rule, in the order in which they are asked.
    pub rules: Vec<RuleSaid>,
}

impl GateRecord {
    /// Writes down what the rules said, with a code of the rule that is noted where that one lets pass.
    #[must_use]
    pub fn of(policy_version: u32, verdicts: &Verdicts, note: Option<(&str, &str)>) -> Self {
        let mut bytes = vec![FORMAT];
        bytes.extend(policy_version.to_le_bytes());
        for (place, (rule, verdict)) in (0_u8..).zip(verdicts.by_rule()) {
            let (ruling, code) = match verdict {
                Verdict::Go => match note {
                    Some((of, code)) if of == rule => (Ruling::Go, code),
                    _ => continue,
                },
                Verdict::Wait { reason, .. } => (Ruling::Wait, reason.as_str()),
                Verdict::OtherChannel { code } => (Ruling::OtherChannel, *code),
                Verdict::Refuse { code } => (Ruling::Refuse, *code),
            };
            let code = code.as_bytes();
            let length = u8::try_from(code.len()).unwrap_or(u8::MAX);
            bytes.extend([place, ruling as u8, length]);
            bytes.extend(&code[..usize::from(length)]);
        }
        Self(bytes.into())
    }

    /// Takes what a row holds.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(Arc::from(bytes))
    }

    /// For the row.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What each rule said; `None` for a format that this program does not know.
    #[must_use]
    pub fn read(&self) -> Option<GateReading> {
        let (&format, rest) = self.0.split_first()?;
        let (version, mut rest) = rest.split_first_chunk::<4>()?;
        if format != FORMAT {
            return None;
        }
        let mut rules: Vec<RuleSaid> =
            Verdicts::RULES.iter().map(|rule| RuleSaid { rule, ruling: Ruling::Go, code: None }).collect();
        while let Some((&[place, ruling, length], after)) = rest.split_first_chunk::<3>() {
            let (code, after) = after.split_at_checked(usize::from(length))?;
            let said = rules.get_mut(usize::from(place))?;
            said.ruling = Ruling::from_byte(ruling)?;
            said.code = Some(String::from_utf8_lossy(code).into_owned());
            rest = after;
        }
        Some(GateReading { policy_version: u32::from_le_bytes(*version), rules })
    }
}

#[cfg(test)]
mod tests {
    use carepost_kernel::WaitReason;
    use jiff::Timestamp;

    use super::*;

    fn all_go() -> Verdicts {
        Verdicts {
            life: Verdict::Go,
            schedule: Verdict::Go,
            pause: Verdict::Go,
            suppression: Verdict::Go,
            consent: Verdict::Go,
            preference: Verdict::Go,
            digest: Verdict::Go,
            quiet_hours: Verdict::Go,
            caps: Verdict::Go,
            tenant_limit: Verdict::Go,
            length: Verdict::Go,
            phi_guard: Verdict::Go,
            identification: Verdict::Go,
            registration: Verdict::Go,
            sender: Verdict::Go,
        }
    }

    #[test]
    fn del_8_what_was_said_is_read_as_it_was_written() {
        let mut verdicts = all_go();
        let short = GateRecord::of(7, &verdicts, None);
        assert_eq!(short.as_bytes().len(), 5, "what passes takes no room");
        assert!(short.read().unwrap().rules.iter().all(|said| said.ruling == Ruling::Go));

        verdicts.consent = Verdict::OtherChannel { code: "no_consent" };
        verdicts.quiet_hours = Verdict::Wait { until: Timestamp::UNIX_EPOCH, reason: WaitReason::QuietHours };
        let reading = GateRecord::from_bytes(GateRecord::of(7, &verdicts, None).as_bytes()).read().unwrap();
        assert_eq!((reading.policy_version, reading.rules.len()), (7, Verdicts::RULES.len()));
        let objections: Vec<_> = reading.rules.iter().filter(|said| said.ruling != Ruling::Go).collect();
        let said = |said: &RuleSaid| (said.rule, said.ruling, said.code.clone().unwrap());
        assert_eq!(said(objections[0]), ("consent", Ruling::OtherChannel, "no_consent".to_owned()));
        assert_eq!(said(objections[1]), ("quiet_hours", Ruling::Wait, "quiet_hours".to_owned()));
        assert_eq!(objections.len(), 2);

        // What a rule has done is noted where it lets pass, and nowhere else.
        let noted = |of: &str| GateRecord::of(7, &verdicts, Some((of, "replaced"))).read().unwrap();
        let code = |of: &str| noted(of).rules.into_iter().find(|said| said.rule == of).unwrap().code;
        assert_eq!(code("phi_guard").as_deref(), Some("replaced"));
        assert_eq!(code("consent").as_deref(), Some("no_consent"));
    }

    #[test]
    fn what_is_no_record_is_not_read() {
        for bytes in [&[][..], &[1, 0, 0], &[2, 0, 0, 0, 0], &[1, 0, 0, 0, 0, 99, 1, 0], &[1, 0, 0, 0, 0, 0, 1, 9]] {
            assert_eq!(GateRecord::from_bytes(bytes).read(), None, "{bytes:?}");
        }
    }
}
