//! Pure decisions: what names, settings, keys, addresses and accounts must look like.

pub(crate) mod account;
pub(crate) mod key_text;
pub(crate) mod names;
pub(crate) mod settings;
pub(crate) mod url;

#[cfg(test)]
mod tests;
