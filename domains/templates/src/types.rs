//! Records and states of the room, and what a template is made of.

mod category;
mod content;
mod language;
mod template;
mod variable;

pub use category::Category;
pub use content::{EmailVariant, InAppVariant, SmsVariant, TemplateContent, VariantKey};
pub use language::Language;
pub use template::{
    DiffPart, NewTemplate, Seen, Template, TemplateChange, TemplateFilter, TemplateMeta, TemplateState,
    TemplateVersion, VersionState,
};
pub use variable::{Variable, VariableKind};

/// An enum that stands in rows and on the wire by name.
macro_rules! named {
    ($(#[$meta:meta])* $name:ident = $kind:literal { $($(#[$variant_meta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$variant_meta])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in rows and on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }
        }

        carepost_kernel::parse_by_name!($name = $kind);
    };
}
pub(crate) use named;
