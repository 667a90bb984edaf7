//! Logs.

use super::Reader;

/// How a line of the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, for collectors.
    Json,
    /// For people.
    Text,
}

/// Logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelemetrySettings {
    /// `CAREPOST_LOG`: what is logged, as `info,carepost_actors=debug`. Default `info`.
    pub filter: String,
    /// `CAREPOST_LOG_FORMAT`: `json` or `text`. Default `json`.
    pub format: LogFormat,
}

impl TelemetrySettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let format = match reader.text("CAREPOST_LOG_FORMAT").as_deref() {
            None | Some("json") => LogFormat::Json,
            Some("text") => LogFormat::Text,
            Some(_) => {
                reader.fault("CAREPOST_LOG_FORMAT", "must be json or text");
                LogFormat::Json
            }
        };
        let filter = reader.text("CAREPOST_LOG").unwrap_or_else(|| "info".to_owned());
        if tracing_subscriber::EnvFilter::try_new(&filter).is_err() {
            reader.fault("CAREPOST_LOG", "must be a list of directives, as in info,carepost_actors=debug");
        }
        Self { filter, format }
    }
}
