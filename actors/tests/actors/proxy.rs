//! A way to the database that can be cut without anybody being told.

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::support::server_url;

/// Passes bytes on, until it is frozen: then connections stay open, and nothing comes of them.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    frozen: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn start() -> Self {
        let url = server_url();
        let server: u16 = url.split(' ').find_map(|part| part.strip_prefix("port=")).unwrap().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (frozen, is_frozen) = watch::channel(false);
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(pass(stream, server, is_frozen.clone()));
            }
        });
        Self { port, frozen, serving }
    }

    pub(crate) fn freeze(&self) {
        self.frozen.send(true).unwrap();
    }

    pub(crate) fn thaw(&self) {
        self.frozen.send(false).unwrap();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn pass(mut near: TcpStream, server: u16, mut is_frozen: watch::Receiver<bool>) {
    let mut far = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
    let mut passing = std::pin::pin!(copy_bidirectional(&mut near, &mut far));
    loop {
        // Whatever comes of it is the business of both ends.
        tokio::select! {
            biased;
            frozen = is_frozen.wait_for(|frozen| *frozen) => if frozen.is_err() { return },
            _ended = &mut passing => return,
        }
        if is_frozen.wait_for(|frozen| !*frozen).await.is_err() {
            return;
        }
    }
}
