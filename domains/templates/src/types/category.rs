//! What a template is filed under.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest name of a category of a practice's own, in characters.
const MAX_CHARS: usize = 40;

/// What a template is filed under: one of four of the product's, or a practice's own (TPL-016).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Category {
    /// Care.
    Clinical,
    /// Visits and the practice's own affairs.
    Administrative,
    /// Bills and payments.
    Billing,
    /// Whatever else.
    Other,
    /// A practice's own.
    Own(String),
}

/// Text that is no name of a category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 40 characters without control characters or spaces at its ends")]
pub struct NotACategory;

impl Category {
    /// The product's own.
    pub const SHIPPED: [Self; 4] = [Self::Clinical, Self::Administrative, Self::Billing, Self::Other];

    /// The name in rows and on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Clinical => "Clinical",
            Self::Administrative => "Administrative",
            Self::Billing => "Billing",
            Self::Other => "Other",
            Self::Own(name) => name,
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Category {
    type Err = NotACategory;

    fn from_str(name: &str) -> Result<Self, NotACategory> {
        if let Some(shipped) = Self::SHIPPED.into_iter().find(|shipped| shipped.as_str() == name) {
            return Ok(shipped);
        }
        let is_name = (1..=MAX_CHARS).contains(&name.chars().count())
            && name.trim() == name
            && !name.chars().any(char::is_control);
        if is_name { Ok(Self::Own(name.to_owned())) } else { Err(NotACategory) }
    }
}

impl TryFrom<String> for Category {
    type Error = NotACategory;

    fn try_from(name: String) -> Result<Self, NotACategory> {
        name.parse()
    }
}

impl From<Category> for String {
    fn from(category: Category) -> Self {
        category.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tpl_016_four_categories_are_shipped_and_others_are_a_practices_own() {
        assert_eq!("Billing".parse(), Ok(Category::Billing));
        assert_eq!("Front desk".parse(), Ok(Category::Own("Front desk".to_owned())));
        for name in ["", " Billing", "a\nb", &"x".repeat(41)] {
            assert_eq!(name.parse::<Category>(), Err(NotACategory), "{name:?}");
        }
    }
}
