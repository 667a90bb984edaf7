//! Enums that stand in rows by number and on the wire by name.

/// Declares such an enum, with its names and numbers in one place.
macro_rules! numbered {
    ($($(#[$meta:meta])* $name:ident = $kind:literal {
        $($(#[$variant_meta:meta])* $variant:ident = $number:literal $text:literal),+ $(,)?
    })+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[repr(u8)]
        pub enum $name {
            $($(#[$variant_meta])* #[serde(rename = $text)] $variant = $number),+
        }

        impl $name {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }

            /// The number in rows.
            #[must_use]
            pub const fn as_i16(self) -> i16 {
                self as i16
            }

            /// The one of a stored number.
            #[must_use]
            pub fn from_i16(number: i16) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_i16() == number)
            }
        }

        carepost_kernel::parse_by_name!($name = $kind);
    )+};
}
pub(crate) use numbered;
