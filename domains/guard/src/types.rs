//! Records of the room: what can be found, what is the practice's own, what follows.

mod allowed;
mod finding;
mod verdict;

pub use allowed::{Allowed, PracticeIdentity};
pub use finding::{Finding, FindingKind, Findings};
pub use verdict::GuardVerdict;
