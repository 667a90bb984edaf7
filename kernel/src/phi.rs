//! Values that must not be printed (DEL-9): health information and secrets.

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

/// Protected health information: a body, an address, a name, a subject.
///
/// No `Display`; `Debug` prints the type only. `expose()` is the one way in, so that it can be searched for.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Phi<T>(T);

impl<T> Phi<T> {
    /// Wraps a value on its way in.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the one who must have it.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// Unwraps, giving up the protection.
    pub fn into_exposed(self) -> T {
        self.0
    }

    /// Changes what is inside without taking it out.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Phi<U> {
        Phi(change(self.0))
    }
}

impl<T> std::fmt::Debug for Phi<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Phi<{}>", std::any::type_name::<T>())
    }
}

impl From<&str> for Phi<String> {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Phi<String> {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// A key, password or token. Wiped from memory when dropped; cannot be serialized.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Wraps a secret on its way in.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The secret itself, for the one call that needs it.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> std::fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl From<&str> for Secret<String> {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn del_9_debug_prints_the_type_only() {
        let name = Phi::from("Maria Canary");
        let key = Secret::from("hunter2");
        assert_eq!(format!("{name:?} {key:?}"), "Phi<alloc::string::String> Secret");
    }
}
