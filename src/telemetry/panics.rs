//! What is said of a panic: where, in which thread. Never its payload (DEL-9).

use std::panic::PanicHookInfo;

/// Panics of this process, of whatever part.
pub(super) const PANICS_TOTAL: &str = "carepost_panics_total";

/// Replaces the standard hook, which would print the payload.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(report));
}

fn report(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let thread = std::thread::current();
    metrics::counter!(PANICS_TOTAL).increment(1);
    tracing::error!(panic.location = %place, thread.name = thread.name().unwrap_or("unnamed"), "panicked");
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::config::{LogFormat, TelemetrySettings};
    use crate::telemetry::logs::subscriber;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn del_9_a_panics_payload_is_never_written() {
        let kept = Kept::default();
        let writer = {
            let kept = kept.clone();
            move || kept.clone()
        };
        let settings = TelemetrySettings { filter: "info".to_owned(), format: LogFormat::Text };
        let log = subscriber(&settings, writer).unwrap();
        install_panic_hook();
        tracing::subscriber::with_default(log, || {
            let name = String::from("Maria Canary");
            let outcome = std::panic::catch_unwind(|| panic!("no bed for {name}"));
            assert!(outcome.is_err());
        });
        let _standard = std::panic::take_hook();
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains("panicked") && text.contains(file!()), "{text}");
        assert!(!text.contains("Canary") && !text.contains("bed"), "{text}");
    }
}
