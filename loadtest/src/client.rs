//! A cheap HTTP/1.1 client: one request at a time over a kept connection, so that the load costs less than the server.
//!
//! It knows what our own server sends (`Content-Length` and chunked bodies) and refuses the rest. No TLS, no redirects,
//! no pipelining.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

mod wire;

use wire::{Body, Head};

/// An answer. The body is valid until the next request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    /// It says when to come again.
    pub(crate) has_retry_after: bool,
    pub(crate) body: &'a [u8],
}

/// One kept connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    /// What came in; an answer never leaves more behind than itself, for nothing is pipelined.
    input: Vec<u8>,
    /// A chunked body, put together.
    chunked: Vec<u8>,
    is_reusable: bool,
}

/// A larger answer is none of ours.
const ANSWER_LIMIT: usize = 64 << 20;

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, input: Vec::with_capacity(4096), chunked: Vec::new(), is_reusable: true })
    }

    /// Whether a further request may be sent here.
    pub(crate) const fn is_reusable(&self) -> bool {
        self.is_reusable
    }

    /// Sends a whole request and waits for its whole answer. After an error the connection is of no use.
    pub(crate) async fn send(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.is_reusable = false;
        self.input.clear();
        self.stream.write_all(request).await?;
        let head = loop {
            match wire::parse_head(&self.input).map_err(malformed)? {
                Some(head) => break head,
                None => self.read_more().await?,
            }
        };
        match head.body {
            Body::Fixed(length) => self.fixed(&head, length).await,
            Body::Chunked => self.chunks(&head).await,
        }
    }

    async fn fixed(&mut self, head: &Head, length: usize) -> io::Result<Answer<'_>> {
        let end = head.length.checked_add(length).filter(|end| *end <= ANSWER_LIMIT);
        let end = end.ok_or_else(|| malformed("the answer is too long"))?;
        while self.input.len() < end {
            self.read_more().await?;
        }
        self.is_reusable = head.stays_open;
        Ok(Answer { status: head.status, has_retry_after: head.has_retry_after, body: &self.input[head.length..end] })
    }

    async fn chunks(&mut self, head: &Head) -> io::Result<Answer<'_>> {
        while !wire::join_chunks(&self.input[head.length..], &mut self.chunked).map_err(malformed)? {
            self.read_more().await?;
        }
        self.is_reusable = head.stays_open;
        Ok(Answer { status: head.status, has_retry_after: head.has_retry_after, body: &self.chunked })
    }

    async fn read_more(&mut self) -> io::Result<()> {
        if self.input.len() > ANSWER_LIMIT {
            return Err(malformed("the answer is too long"));
        }
        match self.stream.read_buf(&mut self.input).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests;
