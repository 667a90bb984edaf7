//! Metrics: the recorder, its upkeep, and `/metrics` on a port of its own.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::header::ContentType;
use actix_web::{App, HttpResponse, HttpServer, web};
use carepost_actors::Placements;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use super::{panics, process};

/// Histograms keep what was recorded until they are tidied up.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// From half a millisecond to a minute.
const SECONDS: [f64; 16] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// Rows of a batch.
const ROWS: [f64; 12] = [1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_500.0, 5_000.0];

/// The process's metrics.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Installs the recorder and tells it what every metric means.
    ///
    /// # Errors
    /// Where there is a recorder already.
    pub fn install() -> Result<Self, BuildError> {
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
            .set_buckets_for_metric(Matcher::Suffix("_rows".to_owned()), &ROWS)?
            .install_recorder()?;
        describe_all();
        Ok(Self(handle))
    }

    /// The present values in Prometheus' text form.
    #[must_use]
    pub fn render(&self) -> String {
        process::report();
        self.0.render()
    }

    /// Tidies up for ever, and writes how full the pools are; run it as a task.
    pub async fn keep_up(self, placements: Placements) {
        let mut timer = tokio::time::interval(UPKEEP_EVERY);
        loop {
            timer.tick().await;
            self.0.run_upkeep();
            process::report();
            carepost_store::metrics::report_pools(&placements.list());
        }
    }

    /// The server of `/metrics`, to be spawned, and where it listens.
    ///
    /// # Errors
    /// Where the address cannot be had.
    pub fn serve(&self, listen: SocketAddr) -> std::io::Result<(Server, SocketAddr)> {
        let listener = TcpListener::bind(listen)?;
        let address = listener.local_addr()?;
        let metrics = web::Data::new(self.clone());
        let server =
            HttpServer::new(move || App::new().app_data(metrics.clone()).route("/metrics", web::get().to(show)))
                .workers(1)
                .max_connections(64)
                .disable_signals()
                .shutdown_timeout(1)
                .listen(listener)?
                .run();
        Ok((server, address))
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

async fn show(metrics: web::Data<Metrics>) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::plaintext()).body(metrics.render())
}

/// Tells the recorder what the metrics of all crates mean.
pub fn describe_all() {
    carepost_store::metrics::describe();
    carepost_delivery::metrics::describe();
    carepost_campaigns::metrics::describe();
    carepost_actors::metrics::describe();
    crate::http::metrics::describe();
    process::describe();
    use metrics::{Unit, describe_counter, describe_gauge};
    describe_counter!(carepost_audit::metrics::AUDIT_EVENTS_TOTAL, Unit::Count, "Entries of the audit trail, by actor");
    describe_counter!(
        carepost_tenancy::metrics::TENANCY_AUTHENTICATIONS_TOTAL,
        Unit::Count,
        "Presented API keys, by result"
    );
    describe_counter!(
        carepost_tenancy::metrics::TENANCY_LOADS_TOTAL,
        Unit::Count,
        "Reads that a cache could not answer"
    );
    describe_counter!(
        carepost_tenancy::metrics::TENANCY_FOREIGN_CHANGES_TOTAL,
        Unit::Count,
        "Changes of configuration by other processes"
    );
    describe_gauge!(carepost_tenancy::metrics::TENANCY_CACHED_TENANTS, Unit::Count, "Tenants in the cache");
    describe_gauge!(carepost_tenancy::metrics::TENANCY_CACHED_KEYS, Unit::Count, "Live API keys in the cache");
}

/// The metrics of the binary itself, for the inventory.
#[must_use]
pub fn names() -> [&'static str; 6] {
    [
        process::RESIDENT_BYTES,
        process::CPU_SECONDS,
        process::OPEN_FDS,
        process::MAX_FDS,
        process::BUILD_INFO,
        panics::PANICS_TOTAL,
    ]
}
