//! A handler that does nothing, in this process, under the same client.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Context as _;

use crate::client::Answer;
use crate::load::{Extras, Load, Shape, Traffic};
use crate::progress;
use crate::report::Requests;
use crate::schedule::Schedule;
use crate::tally::{Ending, Tally};

const CONNECTIONS: usize = 64;

/// Requests per second.
pub(super) async fn measure(span: Duration) -> anyhow::Result<f64> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("find a free port")?;
    let address = listener.local_addr()?;
    let (handle_out, handle_in) = tokio::sync::oneshot::channel();
    let server = std::thread::Builder::new().name("empty-handler".to_owned()).spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let app = || App::new().route("/", web::get().to(async || HttpResponse::Ok().finish()));
            let server = HttpServer::new(app).disable_signals().shutdown_timeout(0).listen(listener)?.run();
            // Nobody waits any more where this fails.
            let _unheard = handle_out.send(server.handle());
            server.await
        })
    })?;
    let handle = handle_in.await.context("start the empty handler")?;
    let schedule = Schedule { rate: None, warm_up: span / 5, measured: span * 4 / 5 };
    let shape = Shape { schedule, connections: CONNECTIONS, threads: 1 };
    let load = Load { address, shape, traffic: Arc::new(Gets), extras: Extras::default() };
    let tally = progress::watch("empty handler", load).await;
    handle.stop(false).await;
    tokio::task::spawn_blocking(move || server.join())
        .await?
        .map_err(|_| anyhow::anyhow!("the empty handler panicked"))?
        .context("run the empty handler")?;
    Ok(Requests::new(&tally?, &schedule).rate)
}

struct Gets;

impl Traffic for Gets {
    fn write(&self, _: u64, _: &mut Vec<u8>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }

    fn read(&self, _: u64, answer: &Answer<'_>, _: i64, tally: &mut Tally) -> Option<u64> {
        let ending = Ending::Status(answer.status);
        tally.count(ending, 1);
        ending.is_success().then_some(1)
    }

    fn lose(&self, _: u64, ending: Ending, tally: &mut Tally) {
        tally.count(ending, 1);
    }
}
