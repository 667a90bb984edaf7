//! The log: JSON for collectors or text for people, to standard error.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{LogFormat, TelemetrySettings};

/// Crates below us that would write too much, or too frankly. A directive of the operator's own for the same crate wins.
/// What `actix_http` calls an error is a caller's broken request, which that caller is told.
const QUIET: &str = "actix_http=off,actix_server=warn,actix_web=warn,mio=warn,h2=warn,hyper=warn,hyper_util=warn,\
                     reqwest=warn,rustls=warn,tokio_postgres=warn,lettre=warn,refinery_core=warn,\
                     deadpool=off,deadpool_postgres=off,deadpool.postgres=off";

/// The log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogSetupError {
    /// The directives cannot be read.
    #[error("read log directives")]
    Directives(#[from] tracing_subscriber::filter::ParseError),
    /// Somebody has set one up already.
    #[error("set up the log: there is one already")]
    Taken(#[from] tracing_subscriber::util::TryInitError),
}

/// Starts the process's log on standard error.
///
/// # Errors
/// Where the directives cannot be read or there is a log already.
pub fn start_logs(settings: &TelemetrySettings) -> Result<(), LogSetupError> {
    Ok(subscriber(settings, std::io::stderr)?.try_init()?)
}

/// Starts the process's log in a file, where the terminal is needed for something else.
///
/// # Errors
/// As [`start_logs`].
pub fn start_logs_in(settings: &TelemetrySettings, file: std::fs::File) -> Result<(), LogSetupError> {
    Ok(subscriber(settings, std::sync::Arc::new(file))?.try_init()?)
}

pub(super) fn subscriber<W>(
    settings: &TelemetrySettings,
    writer: W,
) -> Result<impl tracing::Subscriber + Send + Sync + use<W>, LogSetupError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + Clone + 'static,
{
    let filter = EnvFilter::try_new(format!("{QUIET},{}", settings.filter))?;
    let is_json = settings.format == LogFormat::Json;
    let json = is_json.then(|| tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(writer.clone()));
    let text = (!is_json).then(|| tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer));
    Ok(tracing_subscriber::registry().with(filter).with(json).with(text))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn log_of(filter: &str, write: impl FnOnce()) -> String {
        let kept = Kept::default();
        let settings = TelemetrySettings { filter: filter.to_owned(), format: LogFormat::Json };
        let writer = {
            let kept = kept.clone();
            move || kept.clone()
        };
        tracing::subscriber::with_default(subscriber(&settings, writer).unwrap(), write);
        String::from_utf8(kept.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn crates_below_stay_quiet_even_under_debug() {
        let log = log_of("debug", || {
            tracing::debug!(target: "carepost", "ours");
            tracing::debug!(target: "tokio_postgres::query", "theirs");
            tracing::debug!(target: "hyper::proto", "theirs");
            tracing::warn!(target: "deadpool.postgres", "theirs");
        });
        assert!(log.contains("ours") && !log.contains("theirs"), "{log}");
    }

    #[test]
    fn an_operators_own_directive_wins() {
        let log = log_of("info,hyper=debug", || tracing::debug!(target: "hyper::proto", "asked for"));
        assert!(log.contains("asked for"), "{log}");
    }
}
