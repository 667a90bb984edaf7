//! The records of the room, and the enums in them.

mod account;
mod api_key;
mod endpoint;
mod settings;
mod tenant;

pub use account::{AccountChange, AccountStatus, NewAccount, ProviderAccount, RouteChange};
pub use api_key::{ApiKey, NewApiKey, Principal, Scope, Scopes};
pub use endpoint::{EndpointChange, EndpointStatus, NewEndpoint, WebhookEndpoint};
pub use settings::{
    Admission, ReceiptWaitHours, RetrySettings, TenantSettings, TtlHours, UnknownPolicies, UnknownPolicy,
};
pub use tenant::{
    LinkTag, NewTenant, PlacementChoice, PlacementKind, PlacementRecord, SettingsChange, Tenant, TenantStatus,
};

/// A value as ciphertext under a key of the room. Prints its name only.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Sealed(pub(crate) Vec<u8>);

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealed")
    }
}

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
