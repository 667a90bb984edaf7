//! One connection to the simulated mail server.

use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carepost_kernel::AttemptRef;
use mail_parser::MessageParser;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::super::accounts::Account;
use super::super::core::{Core, Decision, Magic};
use super::super::profile::{Call, CallOutcome, Fault};
use super::super::webhooks::schedule_receipts;
use super::magic::EmailMagic;
use super::{Taken, reports};
use crate::contract::Vendor;

const MAX_LINE_BYTES: u64 = 12_288;
const MAX_MESSAGE_BYTES: usize = 20 * 1024 * 1024;

fn magic(to: &str) -> Option<Magic> {
    EmailMagic {
        bounce: "5.1.1",
        blocked: "5.7.1",
        suppressed: "5.1.1",
        full: Magic::Fault(Fault::VendorCode("452 4.2.2 mailbox full".to_owned())),
        reject: "550 5.1.1 no such user",
        greylist: Fault::VendorCode("451 4.7.1 greylisted, come back later".to_owned()),
    }
    .of(to)
}

/// Serves a connection that begins in plain text.
pub(super) async fn serve(core: Arc<Core>, stream: TcpStream, acceptor: &TlsAcceptor) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut session = Session::new(Arc::clone(&core), stream, false);
    session.greet().await?;
    if session.run().await? == Next::StartTls {
        // RFC 3207: what the client said before is forgotten.
        let stream = acceptor.accept(session.stream.into_inner()).await?;
        Session::new(core, stream, true).run().await?;
    }
    Ok(())
}

/// Serves a connection that begins with TLS.
pub(super) async fn serve_implicit(core: Arc<Core>, stream: TcpStream, acceptor: &TlsAcceptor) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut session = Session::new(core, acceptor.accept(stream).await?, true);
    session.greet().await?;
    session.run().await.map(drop)
}

/// What becomes of the connection after a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Continue,
    StartTls,
    Close,
}

struct Session<S> {
    core: Arc<Core>,
    stream: BufReader<S>,
    is_protected: bool,
    account: Option<Arc<Account>>,
    transaction: Transaction,
}

/// One message on its way.
#[derive(Default)]
struct Transaction {
    from: Option<String>,
    envelope_id: Option<String>,
    to: Option<String>,
    wants_success: bool,
    /// Made when the recipient is known, carried out at the end.
    decision: Option<Decision>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    fn new(core: Arc<Core>, stream: S, is_protected: bool) -> Self {
        Self { core, stream: BufReader::new(stream), is_protected, account: None, transaction: Transaction::default() }
    }

    async fn greet(&mut self) -> io::Result<()> {
        self.reply("220 mx.simulator.example ESMTP").await
    }

    async fn reply(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(format!("{text}\r\n").as_bytes()).await?;
        self.stream.flush().await
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        (&mut self.stream).take(MAX_LINE_BYTES).read_until(b'\n', &mut line).await?;
        if !line.ends_with(b"\n") {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    async fn run(&mut self) -> io::Result<Next> {
        loop {
            let line = self.line().await?;
            let next = self.command(&line).await?;
            if next != Next::Continue {
                return Ok(next);
            }
        }
    }

    async fn command(&mut self, line: &str) -> io::Result<Next> {
        let upper = line.to_ascii_uppercase();
        let verb = upper.split([' ', ':']).next().unwrap_or("");
        match verb {
            "EHLO" => self.hello().await?,
            "HELO" | "NOOP" => self.reply("250 2.0.0 OK").await?,
            "RSET" => {
                self.transaction = Transaction::default();
                self.reply("250 2.0.0 OK").await?;
            }
            "STARTTLS" if !self.is_protected => {
                self.reply("220 2.0.0 ready").await?;
                return Ok(Next::StartTls);
            }
            "AUTH" => self.log_in(line).await?,
            "MAIL" => self.mail(line).await?,
            "RCPT" => return self.rcpt(line, &upper).await,
            "DATA" => return self.data().await,
            "QUIT" => {
                self.reply("221 2.0.0 bye").await?;
                return Ok(Next::Close);
            }
            _ => self.reply("500 5.5.2 what?").await?,
        }
        Ok(Next::Continue)
    }

    async fn hello(&mut self) -> io::Result<()> {
        let offer = if self.is_protected { "250-AUTH PLAIN LOGIN" } else { "250-STARTTLS" };
        let size = MAX_MESSAGE_BYTES;
        self.reply(&format!(
            "250-mx.simulator.example\r\n250-PIPELINING\r\n250-SIZE {size}\r\n{offer}\r\n\
             250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250 DSN"
        ))
        .await
    }

    async fn log_in(&mut self, line: &str) -> io::Result<()> {
        if !self.is_protected {
            return self.reply("538 5.7.11 encryption required").await;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let (username, password) = match (words.get(1).map(|word| word.to_ascii_uppercase()).as_deref(), words.get(2)) {
            (Some("PLAIN"), Some(token)) => {
                let text = decoded(token);
                let mut parts = text.split('\0').skip(1).map(str::to_owned);
                (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
            }
            (Some("LOGIN"), None) => {
                self.reply("334 VXNlcm5hbWU6").await?;
                let username = decoded(&self.line().await?);
                self.reply("334 UGFzc3dvcmQ6").await?;
                (username, decoded(&self.line().await?))
            }
            _ => return self.reply("504 5.5.4 no such mechanism").await,
        };
        self.account = self.core.account(Vendor::Smtp, &username).filter(|account| account.secret == password);
        match self.account {
            Some(_) => self.reply("235 2.7.0 welcome").await,
            None => self.reply("535 5.7.8 bad credentials").await,
        }
    }

    async fn mail(&mut self, line: &str) -> io::Result<()> {
        if self.account.is_none() {
            return self.reply("530 5.7.0 authentication required").await;
        }
        let Some(from) = path(line) else { return self.reply("501 5.5.4 bad path").await };
        self.transaction =
            Transaction { from: Some(from), envelope_id: parameter(line, "ENVID="), ..Transaction::default() };
        self.reply("250 2.1.0 OK").await
    }

    async fn rcpt(&mut self, line: &str, upper: &str) -> io::Result<Next> {
        if self.transaction.from.is_none() {
            self.reply("503 5.5.1 MAIL first").await?;
            return Ok(Next::Continue);
        }
        let Some(to) = path(line).filter(|to| to.contains('@')) else {
            self.reply("501 5.1.3 bad address").await?;
            return Ok(Next::Continue);
        };
        let name = self.attempt().map_or_else(|| to.clone(), |attempt| attempt.message_id.to_string());
        let mut decision = self.core.decide(Vendor::Smtp, &name, magic(&to));
        self.transaction.wants_success = upper.contains("SUCCESS");
        self.transaction.to = Some(to);
        match decision.fault.take() {
            Some(fault @ (Fault::Status(_) | Fault::VendorCode(_) | Fault::Throttle { .. })) => {
                tokio::time::sleep(decision.latency).await;
                let answer = refusal(&fault);
                self.record(CallOutcome::Refused { code: answer.clone() }, &[]);
                self.transaction.to = None;
                self.reply(&answer).await?;
                Ok(if answer.starts_with("421") { Next::Close } else { Next::Continue })
            }
            at_the_end => {
                decision.fault = at_the_end;
                self.transaction.decision = Some(decision);
                self.reply("250 2.1.5 OK").await?;
                Ok(Next::Continue)
            }
        }
    }

    fn attempt(&self) -> Option<AttemptRef> {
        self.transaction.envelope_id.as_deref()?.parse().ok()
    }

    fn record(&self, outcome: CallOutcome, raw: &[u8]) {
        let message = MessageParser::default().parse(raw);
        let text = message.as_ref().and_then(|message| message.body_text(0)).unwrap_or_default().into_owned();
        let call = Call {
            attempt: self.attempt(),
            to: self.transaction.to.clone().unwrap_or_default(),
            subject: message.as_ref().and_then(|message| message.subject()).map(str::to_owned),
            text,
            outcome,
            at: self.core.clock.now(),
        };
        self.core.record(Vendor::Smtp, call);
    }

    /// The message up to the final dot, with doubled dots undone.
    async fn message(&mut self) -> io::Result<Vec<u8>> {
        let mut raw = Vec::new();
        loop {
            let mut line = Vec::new();
            (&mut self.stream).take(MAX_LINE_BYTES).read_until(b'\n', &mut line).await?;
            if line == b".\r\n" {
                return Ok(raw);
            }
            if line.is_empty() || raw.len() > MAX_MESSAGE_BYTES {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            raw.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
    }

    async fn data(&mut self) -> io::Result<Next> {
        let Some(decision) = self.transaction.decision.take() else {
            self.reply("503 5.5.1 RCPT first").await?;
            return Ok(Next::Continue);
        };
        self.reply("354 go ahead").await?;
        let raw = self.message().await?;
        tokio::time::sleep(decision.latency).await;
        match &decision.fault {
            Some(Fault::Hang) => {
                self.record(CallOutcome::Hung, &raw);
                self.core.hang().await;
                return Ok(Next::Close);
            }
            Some(Fault::Garbage) => {
                self.record(CallOutcome::Refused { code: "garbage".to_owned() }, &raw);
                self.reply("HTTP/1.1 200 OK").await?;
                return Ok(Next::Close);
            }
            _ => {}
        }
        let queue_id = self.core.random_hex(Vendor::Smtp, 10);
        let is_cut = decision.fault.is_some();
        let provider_ref = self.attempt().map_or_else(|| queue_id.clone(), |attempt| attempt.to_string());
        let outcome =
            if is_cut { CallOutcome::Dropped { provider_ref } } else { CallOutcome::Accepted { provider_ref } };
        self.record(outcome, &raw);
        let transaction = std::mem::take(&mut self.transaction);
        let taken = Taken {
            from: transaction.from.unwrap_or_default(),
            to: transaction.to.unwrap_or_default(),
            envelope_id: transaction.envelope_id,
            wants_success: transaction.wants_success,
            raw,
        };
        if let Some(account) = &self.account {
            schedule_receipts(&self.core, Vendor::Smtp, reports::stages(account, &taken, &decision.ending)).await;
        }
        if is_cut {
            return Ok(Next::Close);
        }
        self.reply(&format!("250 2.0.0 queued as {queue_id}")).await?;
        Ok(Next::Continue)
    }
}

fn refusal(fault: &Fault) -> String {
    match fault {
        // No replies of SMTP, but what the profiles of all vendors mean by "unavailable".
        Fault::Status(500..=504) => "451 4.3.0 unavailable".to_owned(),
        Fault::Status(code) => format!("{code} simulated"),
        Fault::VendorCode(answer) => answer.clone(),
        _ => "450 4.2.1 too fast".to_owned(),
    }
}

fn decoded(token: &str) -> String {
    STANDARD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// The address between angle brackets.
fn path(line: &str) -> Option<String> {
    let (_, rest) = line.split_once('<')?;
    rest.split_once('>').map(|(path, _)| path.to_owned())
}

/// The value of a parameter such as `ENVID=`.
fn parameter(line: &str, name: &str) -> Option<String> {
    line.split_whitespace().find_map(|word| word.strip_prefix(name)).map(str::to_owned)
}
