//! Heads, bodies and chunks, whole and in pieces; and a connection against a real socket.

use tokio::net::TcpListener;

use super::wire::{join_chunks, parse_head};
use super::*;

const FIXED: &[u8] = b"HTTP/1.1 202 Accepted\r\ncontent-length: 5\r\nDate: now\r\n\r\nhello";

#[test]
fn a_head_is_read_once_it_is_whole() {
    for length in 0..FIXED.len() - "hello".len() {
        assert_eq!(parse_head(&FIXED[..length]), Ok(None), "{length}");
    }
    let head =
        Head { status: 202, length: FIXED.len() - 5, body: Body::Fixed(5), stays_open: true, has_retry_after: false };
    assert_eq!(parse_head(FIXED), Ok(Some(head)));
}

#[test]
fn names_are_read_in_any_case() {
    let head =
        parse_head(b"HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: Chunked\r\nConnection: Close\r\n\r\n").unwrap().unwrap();
    assert_eq!((head.body, head.stays_open), (Body::Chunked, false));
}

#[test]
fn an_answer_without_a_body_says_so_by_its_status() {
    let head = parse_head(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().unwrap();
    assert_eq!(head.body, Body::Fixed(0));
    assert!(parse_head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
}

#[test]
fn what_is_not_http_is_refused() {
    for input in [&b"SSH-2.0-x\r\n\r\n"[..], b"HTTP/1.1 2x0\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n"] {
        assert!(parse_head(input).is_err());
    }
}

#[test]
fn chunks_are_joined_once_the_last_one_is_there() {
    let input = b"5\r\nhello\r\n7;note=x\r\n, world\r\n0\r\n\r\n";
    let mut joined = Vec::new();
    for length in 0..input.len() {
        assert_eq!(join_chunks(&input[..length], &mut joined), Ok(false), "{length}");
    }
    assert_eq!(join_chunks(input, &mut joined), Ok(true));
    assert_eq!(joined, b"hello, world");
}

#[test]
fn broken_chunks_are_refused() {
    let mut joined = Vec::new();
    for input in [&b"x\r\n"[..], b"5\r\nhelloXX0\r\n\r\n", b"ffffffffffffffff\r\n"] {
        assert!(join_chunks(input, &mut joined).is_err());
    }
}

/// A server that answers each request with these pieces, one write each.
async fn server(pieces: Vec<Vec<u8>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut request = [0_u8; 1024];
        while stream.read(&mut request).await.unwrap() > 0 {
            for piece in &pieces {
                stream.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
        }
    });
    address
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let address = server(FIXED.chunks(7).map(<[u8]>::to_vec).collect()).await;
    let mut connection = Connection::open(address).await.unwrap();
    for _ in 0..3 {
        assert_eq!(
            connection.send(b"GET").await.unwrap(),
            Answer { status: 202, has_retry_after: false, body: b"hello" }
        );
        assert!(connection.is_reusable());
    }
}

#[tokio::test]
async fn a_connection_that_closes_is_not_used_again() {
    let text = b"HTTP/1.1 503 Away\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n";
    let address = server(vec![text.to_vec()]).await;
    let mut connection = Connection::open(address).await.unwrap();
    assert_eq!(connection.send(b"GET").await.unwrap(), Answer { status: 503, has_retry_after: false, body: b"no" });
    assert!(!connection.is_reusable());
}

#[test]
fn an_answer_says_when_to_come_again_by_whole_seconds() {
    let has = |line: &str| {
        let head = format!("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n{line}\r\n");
        parse_head(head.as_bytes()).unwrap().unwrap().has_retry_after
    };
    assert!(has("Retry-After: 2\r\n") && has("retry-after:1\r\n"));
    assert!(!has("") && !has("retry-after: soon\r\n"));
}
