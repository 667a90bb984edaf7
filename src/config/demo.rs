//! The demonstration.

use std::path::PathBuf;

use super::Reader;

/// The demonstration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoSettings {
    /// `DEMO_EXIT`: 1 ends the demonstration by itself, with a summary; failing where anything did not arrive.
    /// Default 0: it stays until Ctrl-C.
    pub exits: bool,
    /// `CAREPOST_DEMO_MESSAGES`: how many messages it sends, a number. Default 300.
    pub messages: usize,
    /// `CAREPOST_DATA_DIR`, where it is set; the demonstration's own default is `.carepost/demo` right here.
    pub data_dir: Option<PathBuf>,
}

impl DemoSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let exits = match reader.text("DEMO_EXIT").as_deref() {
            None | Some("0") => false,
            Some("1") => true,
            Some(_) => {
                reader.fault("DEMO_EXIT", "must be 0 or 1");
                false
            }
        };
        Self {
            exits,
            messages: reader.count("CAREPOST_DEMO_MESSAGES", 300, 40..=100_000),
            data_dir: reader.path("CAREPOST_DATA_DIR"),
        }
    }
}
