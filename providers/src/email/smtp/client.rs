//! One connection to a mail server: greeting, TLS, AUTH, and one message after the other.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::email::EnhancedCode;
use crate::email::smtp::config::{Protection, Server};
use crate::network::{self, ResolveError};

/// Where in the dialogue something happened. All before [`Phase::Final`] is surely not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Waiting for a free connection, name look-up, TCP, TLS, greeting.
    Connect,
    /// `AUTH`.
    Login,
    /// `MAIL FROM`.
    Sender,
    /// `RCPT TO`.
    Recipient,
    /// `DATA` and the message without its final dot.
    Content,
    /// From the final dot on: nobody knows until the answer comes (DEL-5).
    Final,
}

/// What went wrong.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The server said no, by these codes. Its text may name the recipient and is left out (DEL-9).
    Refused { code: u16, enhanced: Option<EnhancedCode> },
    /// The server's name leads into a private network, and must not.
    Private,
    /// The connection broke.
    Lost,
    /// The server did not speak SMTP.
    Protocol,
    /// Its certificate does not hold.
    Certificate,
    /// `STARTTLS` is required and not offered.
    NoTls,
    /// AUTH is configured and not offered.
    NoLogin,
    /// Larger than the server takes.
    TooLarge,
}

impl From<io::Error> for Fault {
    fn from(_: io::Error) -> Self {
        Self::Lost
    }
}

impl From<ResolveError> for Fault {
    fn from(error: ResolveError) -> Self {
        match error {
            ResolveError::Private => Self::Private,
            ResolveError::LookUp(_) => Self::Lost,
        }
    }
}

/// Who it is from and to on the wire.
pub(super) struct Envelope {
    pub(super) from: String,
    pub(super) to: String,
    /// Comes back in delivery notices (RFC 3461); xtext needs no escapes for it.
    pub(super) envelope_id: String,
    pub(super) wants_notices: bool,
}

/// The longest line of an answer, and the most lines: RFC 5321 allows 512 characters.
const MAX_LINE_BYTES: u64 = 2048;
const MAX_LINES: usize = 128;

/// A TCP or TLS stream.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// An answer: its code, and its lines without the code. No `Debug`: the text may name the recipient.
struct Reply {
    code: u16,
    lines: Vec<String>,
}

impl Reply {
    fn is_positive(&self) -> bool {
        (200..=299).contains(&self.code)
    }

    fn refusal(&self) -> Fault {
        let enhanced = self.lines.first().and_then(|line| EnhancedCode::parse(line));
        match self.code {
            400..=599 => Fault::Refused { code: self.code, enhanced },
            _ => Fault::Protocol,
        }
    }
}

/// Sends commands and reads answers.
struct Dialogue<S> {
    stream: BufReader<S>,
}

impl<S: Wire> Dialogue<S> {
    fn new(stream: S) -> Self {
        Self { stream: BufReader::new(stream) }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.stream.write_all(bytes).await?;
        Ok(self.stream.flush().await?)
    }

    async fn read(&mut self) -> Result<Reply, Fault> {
        let mut lines = Vec::new();
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = (&mut self.stream).take(MAX_LINE_BYTES).read_until(b'\n', &mut line).await?;
            if read == 0 {
                return Err(Fault::Lost);
            }
            let (code, is_last, text) = read_line(&line).ok_or(Fault::Protocol)?;
            lines.push(text);
            if is_last {
                return Ok(Reply { code, lines });
            }
            if lines.len() == MAX_LINES {
                return Err(Fault::Protocol);
            }
        }
    }

    /// Sends one command line and reads its answer.
    async fn command(&mut self, line: &str) -> Result<Reply, Fault> {
        debug_assert!(!line.contains(['\r', '\n']), "a line end in a command starts another command");
        self.write(format!("{line}\r\n").as_bytes()).await?;
        self.read().await
    }

    /// The same, where only a positive answer will do.
    async fn demand(&mut self, line: &str) -> Result<Reply, Fault> {
        let reply = self.command(line).await?;
        if reply.is_positive() { Ok(reply) } else { Err(reply.refusal()) }
    }

    async fn greeting(&mut self) -> Result<(), Fault> {
        let reply = self.read().await?;
        if reply.is_positive() { Ok(()) } else { Err(reply.refusal()) }
    }

    async fn hello(&mut self, name: &str) -> Result<Offers, Fault> {
        Ok(Offers::read(&self.demand(&format!("EHLO {name}")).await?))
    }
}

/// `250-text` or `250 text`, cut into its parts.
fn read_line(line: &[u8]) -> Option<(u16, bool, String)> {
    let line = line.strip_suffix(b"\n")?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let digits = line.get(..3).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    let is_last = match line.get(3) {
        None | Some(b' ') => true,
        Some(b'-') => false,
        Some(_) => return None,
    };
    (200..=599)
        .contains(&code)
        .then(|| (code, is_last, String::from_utf8_lossy(line.get(4..).unwrap_or_default()).into_owned()))
}

/// What a server offers in its answer to `EHLO`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Offers {
    starttls: bool,
    notices: bool,
    /// `Some(0)`: no fixed limit.
    size_bytes: Option<u64>,
    plain: bool,
    login: bool,
}

impl Offers {
    fn read(reply: &Reply) -> Self {
        let mut offers = Self::default();
        for line in reply.lines.iter().skip(1) {
            let upper = line.to_ascii_uppercase();
            let mut words = upper.split([' ', '=']).filter(|word| !word.is_empty());
            match words.next() {
                Some("STARTTLS") => offers.starttls = true,
                Some("DSN") => offers.notices = true,
                Some("SIZE") => offers.size_bytes = words.next().map_or(Some(0), |number| number.parse().ok()),
                Some("AUTH") => {
                    for mechanism in words {
                        offers.plain |= mechanism == "PLAIN";
                        offers.login |= mechanism == "LOGIN";
                    }
                }
                _ => {}
            }
        }
        offers
    }
}

/// A connection that is ready for messages.
pub(super) struct Session {
    dialogue: Dialogue<Box<dyn Wire>>,
    offers: Offers,
}

impl Session {
    /// Connects, protects, and logs in.
    pub(super) async fn open(server: &Server, phase: &mut Phase) -> Result<Self, Fault> {
        *phase = Phase::Connect;
        let addresses = network::resolve(&server.host, server.port, server.reach).await?;
        let stream = TcpStream::connect(addresses.as_slice()).await?;
        stream.set_nodelay(true)?;
        let mut session = match (server.protection, &server.tls) {
            (Protection::Implicit, Some(tls)) => {
                let stream = tls.connect(stream).await.map_err(|error| handshake_fault(&error))?;
                let mut dialogue = Dialogue::new(Box::new(stream) as Box<dyn Wire>);
                dialogue.greeting().await?;
                let offers = dialogue.hello(&server.hello_name).await?;
                Self { dialogue, offers }
            }
            (Protection::Starttls, Some(tls)) => {
                let stream = start_tls(stream, &server.hello_name).await?;
                let stream = tls.connect(stream).await.map_err(|error| handshake_fault(&error))?;
                // What was offered in plain text is forgotten: somebody else may have written it.
                let mut dialogue = Dialogue::new(Box::new(stream) as Box<dyn Wire>);
                let offers = dialogue.hello(&server.hello_name).await?;
                Self { dialogue, offers }
            }
            _ => {
                let mut dialogue = Dialogue::new(Box::new(stream) as Box<dyn Wire>);
                dialogue.greeting().await?;
                let offers = dialogue.hello(&server.hello_name).await?;
                Self { dialogue, offers }
            }
        };
        if let Some((username, password)) = &server.login {
            *phase = Phase::Login;
            session.log_in(username.expose(), password.expose()).await?;
        }
        Ok(session)
    }

    async fn log_in(&mut self, username: &str, password: &str) -> Result<(), Fault> {
        if self.offers.plain {
            let token = STANDARD.encode(format!("\0{username}\0{password}"));
            self.dialogue.demand(&format!("AUTH PLAIN {token}")).await?;
            return Ok(());
        }
        if !self.offers.login {
            return Err(Fault::NoLogin);
        }
        for step in ["AUTH LOGIN".to_owned(), STANDARD.encode(username)] {
            let reply = self.dialogue.command(&step).await?;
            if reply.code != 334 {
                return Err(reply.refusal());
            }
        }
        self.dialogue.demand(&STANDARD.encode(password)).await?;
        Ok(())
    }

    /// Whether the connection still stands; forgets a transaction that was left half-way.
    pub(super) async fn is_alive(&mut self) -> bool {
        self.dialogue.demand("RSET").await.is_ok()
    }

    /// Hands one message over. On `Ok` the server has taken it.
    pub(super) async fn deliver(
        &mut self,
        envelope: &Envelope,
        message: &[u8],
        phase: &mut Phase,
    ) -> Result<(), Fault> {
        *phase = Phase::Sender;
        if self.offers.size_bytes.is_some_and(|limit| limit > 0 && message.len() as u64 > limit) {
            return Err(Fault::TooLarge);
        }
        self.dialogue.demand(&self.mail_from(envelope, message.len())).await?;
        *phase = Phase::Recipient;
        self.dialogue.demand(&self.rcpt_to(envelope)).await?;
        *phase = Phase::Content;
        let reply = self.dialogue.command("DATA").await?;
        if reply.code != 354 {
            return Err(reply.refusal());
        }
        self.dialogue.write(&stuffed(message)).await?;
        *phase = Phase::Final;
        self.dialogue.write(b".\r\n").await?;
        let reply = self.dialogue.read().await?;
        if reply.is_positive() { Ok(()) } else { Err(reply.refusal()) }
    }

    fn mail_from(&self, envelope: &Envelope, size_bytes: usize) -> String {
        let mut line = format!("MAIL FROM:<{}>", envelope.from);
        if self.offers.size_bytes.is_some() {
            line.push_str(&format!(" SIZE={size_bytes}"));
        }
        if self.asks_notices(envelope) {
            line.push_str(&format!(" RET=HDRS ENVID={}", envelope.envelope_id));
        }
        line
    }

    fn rcpt_to(&self, envelope: &Envelope) -> String {
        let mut line = format!("RCPT TO:<{}>", envelope.to);
        if self.asks_notices(envelope) {
            line.push_str(&format!(" NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;{}", xtext(&envelope.to)));
        }
        line
    }

    fn asks_notices(&self, envelope: &Envelope) -> bool {
        envelope.wants_notices && self.offers.notices
    }
}

/// The plain part of a connection with `STARTTLS`.
async fn start_tls(stream: TcpStream, hello_name: &str) -> Result<TcpStream, Fault> {
    let mut dialogue = Dialogue::new(stream);
    dialogue.greeting().await?;
    if !dialogue.hello(hello_name).await?.starttls {
        return Err(Fault::NoTls);
    }
    dialogue.demand("STARTTLS").await?;
    // Plain text behind the answer would be taken for the server's words under TLS.
    if !dialogue.stream.buffer().is_empty() {
        return Err(Fault::Protocol);
    }
    Ok(dialogue.stream.into_inner())
}

fn handshake_fault(error: &io::Error) -> Fault {
    if error.kind() == io::ErrorKind::InvalidData { Fault::Certificate } else { Fault::Lost }
}

/// The message with dots at the start of lines doubled (RFC 5321, section 4.5.2), ending in a line end.
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut stuffed = Vec::with_capacity(message.len() + 64);
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            stuffed.push(b'.');
        }
        stuffed.extend_from_slice(line);
    }
    if !stuffed.ends_with(b"\r\n") {
        stuffed.extend_from_slice(b"\r\n");
    }
    stuffed
}

/// RFC 3461's xtext.
fn xtext(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        match byte {
            b'+' | b'=' | 0..=b' ' | 127.. => escaped.push_str(&format!("+{byte:02X}")),
            plain => escaped.push(char::from(plain)),
        }
        escaped
    })
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
