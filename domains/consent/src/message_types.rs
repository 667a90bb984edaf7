//! What a message is for: the shipped table of types (TPL-017, CAM-016 to CAM-058), which a practice may adjust.
//!
//! The table is data (`message_types.toml`). Its `purpose` decides which consent is needed (decision C32), its flags which
//! rules it passes (decision C33): never an opt-out.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use carepost_kernel::{Channel, Purpose, Topic};

use crate::policy::TypeOverride;

/// One type of message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageType {
    /// Its name: also the key of its template in the library.
    pub key: String,
    /// The requirements that ask for it.
    pub requirements: Vec<String>,
    /// Why it may be sent.
    pub purpose: Purpose,
    /// What it is about.
    pub topic: Topic,
    /// The channels that the requirement names (decision C34), the first one first.
    pub channels: Vec<Channel>,
    /// It goes at any hour: about something that happens within hours.
    #[serde(default)]
    pub passes_quiet_hours: bool,
    /// It goes over the caps: about something that happens within hours.
    #[serde(default)]
    pub passes_caps: bool,
    /// It is on the list of the health-care exemption (47 CFR 64.1200(a)(9)(iv)(C), read 2026-11).
    #[serde(default)]
    pub is_exempt_purpose: bool,
    /// Its links may be counted: that somebody follows one says nothing about their health.
    #[serde(default)]
    pub is_trackable: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    types: Vec<MessageType>,
}

static SHIPPED: LazyLock<BTreeMap<String, MessageType>> = LazyLock::new(|| {
    let table: Table = toml::from_str(include_str!("message_types.toml"))
        .expect("a test of this file reads the table, which is part of the program");
    table.types.into_iter().map(|one| (one.key.clone(), one)).collect()
});

/// All types as shipped, by their keys.
pub fn all() -> impl Iterator<Item = &'static MessageType> {
    SHIPPED.values()
}

/// A type as shipped.
#[must_use]
pub fn shipped(key: &str) -> Option<&'static MessageType> {
    SHIPPED.get(key)
}

/// All types as a practice has them. Marketing passes nothing, whatever is written.
pub(crate) fn with_overrides(changes: &BTreeMap<String, TypeOverride>) -> HashMap<String, MessageType> {
    let adjusted = |shipped: &MessageType| match changes.get(&shipped.key) {
        Some(change) => adjust(shipped.clone(), change),
        None => shipped.clone(),
    };
    all().map(|shipped| (shipped.key.clone(), adjusted(shipped))).collect()
}

fn adjust(shipped: MessageType, change: &TypeOverride) -> MessageType {
    let purpose = change.purpose.unwrap_or(shipped.purpose);
    let is_marketing = purpose == Purpose::Marketing;
    MessageType {
        purpose,
        topic: change.topic.unwrap_or(shipped.topic),
        channels: change.channels.clone().unwrap_or(shipped.channels),
        passes_quiet_hours: change.passes_quiet_hours.unwrap_or(shipped.passes_quiet_hours) && !is_marketing,
        passes_caps: change.passes_caps.unwrap_or(shipped.passes_caps) && !is_marketing,
        is_exempt_purpose: shipped.is_exempt_purpose && !is_marketing,
        is_trackable: change.is_trackable.unwrap_or(shipped.is_trackable) && shipped.is_trackable,
        ..shipped
    }
}

#[cfg(test)]
mod tests;
