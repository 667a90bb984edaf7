//! Enums that are written by name: one way to read them back.

/// A name that is none of its kind's. The text itself is left out: it may be anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("parse {kind}: there is none of this name")]
pub struct UnknownName {
    /// What was expected, for example `channel`.
    pub kind: &'static str,
}

/// Gives enums with `ALL` and `as_str` their `FromStr`: exact names only.
#[macro_export]
macro_rules! parse_by_name {
    ($($name:ty = $kind:literal),+ $(,)?) => {$(
        impl std::str::FromStr for $name {
            type Err = $crate::UnknownName;

            fn from_str(text: &str) -> Result<Self, $crate::UnknownName> {
                let found = Self::ALL.iter().copied().find(|found| found.as_str() == text);
                found.ok_or($crate::UnknownName { kind: $kind })
            }
        }
    )+};
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::{Channel, FailureClass, Priority, Purpose, ReceiptStatus, WaitReason};

    fn check<Named>(all: &[Named], name: impl Fn(Named) -> &'static str)
    where
        Named: Copy + PartialEq + std::fmt::Debug + DeserializeOwned + std::str::FromStr<Err = UnknownName>,
    {
        for one in all {
            let text = name(*one);
            assert_eq!(text.parse(), Ok(*one), "{text}");
            assert_eq!(serde_json::from_value::<Named>(text.into()).unwrap(), *one, "serde reads {text} otherwise");
        }
        for text in ["", "Sms", " sms", "canary"] {
            let error = text.parse::<Named>().unwrap_err().to_string();
            assert!(!error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn names_are_read_as_they_are_written_and_as_serde_reads_them() {
        check(&Channel::ALL, Channel::as_str);
        check(&Purpose::ALL, Purpose::as_str);
        check(&Priority::ALL, Priority::as_str);
        check(&WaitReason::ALL, WaitReason::as_str);
        check(&FailureClass::ALL, FailureClass::as_str);
        check(&ReceiptStatus::ALL, ReceiptStatus::as_str);
    }
}
