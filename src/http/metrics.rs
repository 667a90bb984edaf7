//! Metrics of the HTTP face. Labels are route patterns, methods and classes of status: never a path, never an id.

use std::time::Duration;

/// Requests answered, by route pattern, method and class of status.
pub const HTTP_REQUESTS_TOTAL: &str = "carepost_http_requests_total";
/// Time from the request's head to the answer's head, in seconds, by route pattern and method.
pub const HTTP_REQUEST_SECONDS: &str = "carepost_http_request_seconds";
/// Event streams that are open now.
pub const HTTP_STREAMS_OPEN: &str = "carepost_http_streams_open";
/// Webhooks of vendors, by vendor and result (`taken`, `refused`, `unknown`, `failed`).
pub const HTTP_WEBHOOKS_TOTAL: &str = "carepost_http_webhooks_total";
/// Requests refused because a limit was reached, by its name: `tenant_rate`, `tenant_waiting`, `ingest_queue`, `mailbox`,
/// `intake`, `large_bodies`.
pub const HTTP_LIMITED_TOTAL: &str = "carepost_http_limited_total";
/// Requests passed on to the process in which the tenant lives, by result (`answered`, `came_here`, `given_up`, `lost`).
pub const HTTP_RELAYED_TOTAL: &str = "carepost_http_relayed_total";

/// Visits of short links, by result (`counted`, `machine`, `too_often`, `unknown`, `lost`).
pub const HTTP_LINK_VISITS_TOTAL: &str = "carepost_http_link_visits_total";
/// Visits of open pixels, by result (`counted`, `machine`, `too_often`, `unknown`, `lost`).
pub const HTTP_PIXEL_VISITS_TOTAL: &str = "carepost_http_pixel_visits_total";

/// Tells the recorder what they mean.
pub fn describe() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
    describe_counter!(HTTP_REQUESTS_TOTAL, Unit::Count, "Requests answered, by route, method and class of status");
    describe_histogram!(HTTP_REQUEST_SECONDS, Unit::Seconds, "Time from a request's head to its answer's head");
    describe_gauge!(HTTP_STREAMS_OPEN, Unit::Count, "Event streams that are open now");
    describe_counter!(HTTP_LIMITED_TOTAL, Unit::Count, "Requests refused because a limit was reached, by its name");
    describe_counter!(HTTP_RELAYED_TOTAL, Unit::Count, "Requests passed on to the tenant's process, by result");
    describe_counter!(HTTP_WEBHOOKS_TOTAL, Unit::Count, "Webhooks of vendors, by vendor and result");
    describe_counter!(HTTP_LINK_VISITS_TOTAL, Unit::Count, "Visits of short links, by result");
    describe_counter!(HTTP_PIXEL_VISITS_TOTAL, Unit::Count, "Visits of open pixels, by result");
    // There from the start: a first one is a rise from zero and not a beginning.
    for result in RELAYED {
        metrics::counter!(HTTP_RELAYED_TOTAL, "result" => result).absolute(0);
    }
    for result in VISITED {
        metrics::counter!(HTTP_LINK_VISITS_TOTAL, "result" => result).absolute(0);
        metrics::counter!(HTTP_PIXEL_VISITS_TOTAL, "result" => result).absolute(0);
    }
}

/// What may become of a visit of a short link or a pixel.
const VISITED: [&str; 5] = ["counted", "machine", "too_often", "unknown", "lost"];
/// What may become of a request that is passed on.
const RELAYED: [&str; 4] = ["answered", "came_here", "given_up", "lost"];

/// Measures a span.
pub(super) struct Stopwatch(tokio::time::Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "a measurement, not a decision")]
    pub(super) fn start() -> Self {
        Self(tokio::time::Instant::now())
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Counts an answered request.
pub(super) fn count_request(route: &'static str, method: &'static str, status: u16, took: Duration) {
    let status_class = match status {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    };
    metrics::counter!(HTTP_REQUESTS_TOTAL, "route" => route, "method" => method, "status_class" => status_class)
        .increment(1);
    metrics::histogram!(HTTP_REQUEST_SECONDS, "route" => route, "method" => method).record(took.as_secs_f64());
}

/// Counts a request that met a limit.
pub(super) fn count_limited(limit: &'static str) {
    metrics::counter!(HTTP_LIMITED_TOTAL, "limit" => limit).increment(1);
}

/// Counts a request that was passed on to the tenant's process.
pub(super) fn count_relayed(result: &'static str) {
    metrics::counter!(HTTP_RELAYED_TOTAL, "result" => result).increment(1);
}

/// Counts a visit of a short link.
pub(super) fn count_click(result: &'static str) {
    metrics::counter!(HTTP_LINK_VISITS_TOTAL, "result" => result).increment(1);
}

/// Counts a visit of an open pixel.
pub(super) fn count_open(result: &'static str) {
    metrics::counter!(HTTP_PIXEL_VISITS_TOTAL, "result" => result).increment(1);
}

/// An open stream; closes when dropped.
pub(super) struct OpenStream(());

impl OpenStream {
    pub(super) fn new() -> Self {
        metrics::gauge!(HTTP_STREAMS_OPEN).increment(1.0);
        Self(())
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        metrics::gauge!(HTTP_STREAMS_OPEN).decrement(1.0);
    }
}

/// Counts a vendor's webhook.
pub(super) fn count_webhook(vendor: &'static str, result: &'static str) {
    metrics::counter!(HTTP_WEBHOOKS_TOTAL, "vendor" => vendor, "result" => result).increment(1);
}
