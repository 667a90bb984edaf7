//! A tenant's own server: keeps what it is sent and answers by script.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    pub(crate) id: String,
    pub(crate) timestamp_s: i64,
    pub(crate) signature: String,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

#[derive(Default)]
struct Script {
    answers: VecDeque<u16>,
    then: u16,
    received: Vec<Hook>,
}

/// The server. An answer of 0 means none at all.
pub(crate) struct Receiver {
    pub(crate) url: String,
    script: Arc<Mutex<Script>>,
    serving: JoinHandle<()>,
}

impl Receiver {
    /// Gives these answers, and `then` to everything after.
    pub(crate) async fn start(answers: &[u16], then: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://127.0.0.1:{}/hook", listener.local_addr().unwrap().port());
        let script =
            Arc::new(Mutex::new(Script { answers: answers.iter().copied().collect(), then, received: Vec::new() }));
        let shared = Arc::clone(&script);
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { url, script, serving }
    }

    /// Everything that came, in order.
    pub(crate) fn received(&self) -> Vec<Hook> {
        self.script.lock().unwrap().received.clone()
    }

    /// Answers this from now on.
    pub(crate) fn answer(&self, status: u16) {
        self.script.lock().unwrap().then = status;
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Requests on one connection, one after the other, until it closes.
async fn serve(stream: TcpStream, script: Arc<Mutex<Script>>) {
    let mut stream = BufReader::new(stream);
    while let Some(hook) = read(&mut stream).await {
        let status = {
            let mut script = script.lock().unwrap();
            script.received.push(hook);
            let then = script.then;
            script.answers.pop_front().unwrap_or(then)
        };
        if status == 0 {
            return std::future::pending().await;
        }
        // A redirect leads back here: whoever followed it would be seen.
        let answer = format!("HTTP/1.1 {status} Scripted\r\nlocation: /elsewhere\r\ncontent-length: 2\r\n\r\nok");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Hook> {
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        headers.push(line.trim_end().to_owned());
    }
    let header = |name: &str| {
        let named = |line: &&String| line.to_ascii_lowercase().starts_with(&format!("{name}: "));
        headers.iter().find(named).map(|line| line[name.len() + 2..].to_owned()).unwrap_or_default()
    };
    let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    Some(Hook {
        id: header("webhook-id"),
        timestamp_s: header("webhook-timestamp").parse().unwrap_or(0),
        signature: header("webhook-signature"),
        content_type: header("content-type"),
        body,
    })
}
