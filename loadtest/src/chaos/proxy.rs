//! A way to PostgreSQL that can be shut: it passes bytes from a TCP port to the server's Unix socket, and stops when it
//! is told to. PostgreSQL itself is not touched.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// What becomes of bytes and connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// All is well.
    Pass,
    /// Connections are cut, new ones are refused.
    Refuse,
    /// Connections stay, new ones are taken, and nothing comes through: as with a server that hangs.
    Swallow,
}

#[derive(Debug, Clone, Copy)]
struct Order {
    mode: Mode,
    /// How often all connections were cut.
    cuts: u64,
}

/// The way. Dropped, it is shut.
pub(crate) struct Proxy {
    address: SocketAddr,
    order: watch::Sender<Order>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Opens a way to this socket.
    pub(crate) async fn start(socket: PathBuf) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("listen for the engine")?;
        let address = listener.local_addr()?;
        let (order, orders) = watch::channel(Order { mode: Mode::Pass, cuts: 0 });
        let task = tokio::spawn(serve(listener, address, socket, orders));
        Ok(Self { address, order, task })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what happens from now on. What was swallowed comes through late where it passes again.
    pub(crate) fn set(&self, mode: Mode) {
        self.order.send_modify(|order| {
            order.mode = mode;
            order.cuts += u64::from(mode == Mode::Refuse);
        });
    }

    /// Cuts all connections; what was swallowed never comes through.
    pub(crate) fn cut(&self) {
        self.order.send_modify(|order| order.cuts += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, address: SocketAddr, socket: PathBuf, mut orders: watch::Receiver<Order>) {
    let (mut connections, told) = (JoinSet::new(), orders.clone());
    let mut listener = Some(listener);
    loop {
        match &listener {
            Some(open) => tokio::select! {
                taken = open.accept() => if let Ok((client, _)) = taken {
                    let (socket, orders) = (socket.clone(), told.clone());
                    connections.spawn(async move { connect(client, &socket, orders).await });
                },
                shut = orders.wait_for(|order| order.mode == Mode::Refuse) => {
                    if shut.is_err() {
                        return;
                    }
                    // Closed, the port refuses by itself.
                    listener = None;
                }
                Some(_) = connections.join_next() => {}
            },
            None => {
                if orders.wait_for(|order| order.mode != Mode::Refuse).await.is_err() {
                    return;
                }
                // The port was ours a moment ago, and nobody else was told of it.
                listener = TcpListener::bind(address).await.ok();
                if listener.is_none() {
                    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                }
            }
        }
    }
}

/// One connection, until one side ends it or all are cut.
async fn connect(client: TcpStream, socket: &Path, orders: watch::Receiver<Order>) -> io::Result<()> {
    let born = orders.borrow().cuts;
    client.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let both = async {
        let mut gate = orders.clone();
        passing(&mut gate).await?;
        let (from_server, to_server) = UnixStream::connect(socket).await?.into_split();
        let (there, back) = (pump(from_client, to_server, gate.clone()), pump(from_server, to_client, gate));
        tokio::try_join!(there, back).map(|_| ())
    };
    let mut cut = orders.clone();
    tokio::select! {
        // A cut comes before whatever could still pass.
        biased;
        _ = cut.wait_for(|order| order.cuts != born) => Ok(()),
        ended = both => ended,
    }
}

/// Waits until bytes may pass.
async fn passing(gate: &mut watch::Receiver<Order>) -> io::Result<()> {
    gate.wait_for(|order| order.mode == Mode::Pass).await.map(|_| ()).map_err(io::Error::other)
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut gate: watch::Receiver<Order>,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = from.read(&mut buffer).await?;
        passing(&mut gate).await?;
        if length == 0 {
            // An end of either side is an end of both: PostgreSQL knows no half-closed connections.
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        to.write_all(&buffer[..length]).await?;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::net::UnixListener;

    use super::*;

    /// A server that answers each byte with itself.
    fn echo() -> PathBuf {
        let path = std::env::temp_dir().join(format!("carepost-echo-{}", uuid::Uuid::new_v4().simple()));
        let listener = UnixListener::bind(&path).unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        path
    }

    async fn ask(stream: &mut TcpStream) -> io::Result<u8> {
        stream.write_all(b"x").await?;
        stream.read_u8().await
    }

    #[tokio::test]
    async fn bytes_pass_are_refused_and_are_kept_back() {
        let path = echo();
        let proxy = Proxy::start(path.clone()).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(ask(&mut stream).await.unwrap(), b'x');

        proxy.set(Mode::Swallow);
        let mut asked = Box::pin(ask(&mut stream));
        assert!(tokio::time::timeout(Duration::from_millis(50), &mut asked).await.is_err(), "nothing comes through");
        proxy.set(Mode::Pass);
        assert_eq!(asked.await.unwrap(), b'x', "it comes late");

        proxy.set(Mode::Refuse);
        assert!(ask(&mut stream).await.is_err(), "it is cut");
        while TcpStream::connect(proxy.address()).await.is_ok() {}
        proxy.set(Mode::Pass);
        let mut stream = loop {
            if let Ok(stream) = TcpStream::connect(proxy.address()).await {
                break stream;
            }
        };
        assert_eq!(ask(&mut stream).await.unwrap(), b'x');
        proxy.cut();
        assert!(ask(&mut stream).await.is_err());
        std::fs::remove_file(path).unwrap();
    }
}
