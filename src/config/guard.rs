//! What the guard looks for.

use std::fmt;
use std::sync::Arc;

use carepost_guard::{Dictionary, GuardError};
use carepost_kernel::Chain;

use super::Reader;

const VARIABLE: &str = "CAREPOST_PHI_DICTIONARY";
/// A dictionary of as many terms as there may be is smaller.
const LIMIT_BYTES: u64 = 8 << 20;

/// What the guard looks for.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct GuardSettings {
    /// `CAREPOST_PHI_DICTIONARY`: the file of conditions, drugs and procedures that stands in for the shipped dictionary, in
    /// the form of `domains/guard/README.md`. Read at the start. Default: the shipped one.
    pub dictionary: Option<Arc<Dictionary>>,
}

impl fmt::Debug for GuardSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let terms = self.dictionary.as_ref().map(|dictionary| dictionary.len());
        f.debug_struct("GuardSettings").field("terms", &terms).finish_non_exhaustive()
    }
}

impl GuardSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let Some(path) = reader.path(VARIABLE) else { return Self::default() };
        let is_too_large = std::fs::metadata(&path).is_ok_and(|found| found.len() > LIMIT_BYTES);
        let text = if is_too_large { None } else { std::fs::read_to_string(&path).ok() };
        let Some(text) = text else {
            let problem =
                if is_too_large { "names a file of more than 8 MiB" } else { "names no UTF-8 file that can be read" };
            reader.fault(VARIABLE, problem);
            return Self::default();
        };
        match Dictionary::of_deployment(&text) {
            Ok(dictionary) => Self { dictionary: Some(Arc::new(dictionary)) },
            Err(error) => {
                reader.fault(VARIABLE, problem(&error));
                Self::default()
            }
        }
    }
}

/// With line and column, and without a word of the file.
fn problem(error: &GuardError) -> String {
    format!("names a file that is no dictionary: {}", Chain(error))
}
