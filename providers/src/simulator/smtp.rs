//! A mail server: EHLO, STARTTLS or TLS from the start, AUTH, SIZE, DSN, and notices posted to the webhook.
//!
//! Codes of a fate: an RFC 3463 status (`5.1.1`), or `complaint` for a delivery that is then called spam. Codes of a
//! refusal: the whole answer (`550 5.1.1 unknown`); it comes after `RCPT TO`. [`super::Fault::Status`] of 500 to 504
//! becomes `451 4.3.0`, since those are no replies of SMTP. Magic recipients: see `smtp/magic.rs`.

use std::io;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::digest;
use jiff::Timestamp;
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use url::Url;

use super::accounts::Account;
use super::core::Core;
use super::webhooks::Webhook;
use crate::contract::Vendor;
use crate::email::smtp::{SIGNATURE_HEADER, sign};

pub(crate) mod magic;
mod reports;
mod session;

/// Where the mail server listens.
pub(crate) struct SmtpFace {
    /// For `STARTTLS`.
    pub(crate) port: u16,
    /// For TLS from the first byte.
    pub(crate) implicit_port: u16,
}

/// Starts both listeners on the simulator's runtime.
pub(crate) async fn start(core: Arc<Core>) -> io::Result<SmtpFace> {
    let acceptor = TlsAcceptor::from(Arc::new(server_config().map_err(io::Error::other)?));
    let (plain, implicit) = (TcpListener::bind(("127.0.0.1", 0)).await?, TcpListener::bind(("127.0.0.1", 0)).await?);
    let face = SmtpFace { port: plain.local_addr()?.port(), implicit_port: implicit.local_addr()?.port() };
    tokio::spawn(listen(Arc::clone(&core), plain, acceptor.clone(), false));
    tokio::spawn(listen(core, implicit, acceptor, true));
    Ok(face)
}

/// Takes connections until the simulator stops.
async fn listen(core: Arc<Core>, listener: TcpListener, acceptor: TlsAcceptor, is_implicit: bool) {
    let mut stopping = core.stopping.subscribe();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.wait_for(|stopped| *stopped) => return,
        };
        let Ok((stream, _)) = accepted else { return };
        let (core, acceptor) = (Arc::clone(&core), acceptor.clone());
        let mut until = core.stopping.subscribe();
        tokio::spawn(async move {
            let session = async {
                if is_implicit {
                    session::serve_implicit(core, stream, &acceptor).await
                } else {
                    session::serve(core, stream, &acceptor).await
                }
            };
            tokio::select! {
                // A client that hangs up in the middle is no fault of the server.
                _ = session => {}
                _ = until.wait_for(|stopped| *stopped) => {}
            }
        });
    }
}

/// The certificate and key of all simulated mail servers. The key is no secret: it follows from a fixed text, so that
/// a stored account still trusts the server after a restart.
struct Identity {
    certificate: rcgen::Certificate,
    key: Vec<u8>,
}

fn identity() -> &'static Identity {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    IDENTITY.get_or_init(|| {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let pair = rcgen::KeyPair::try_from(fixed_key().as_slice()).expect("a written key can be read back");
        let certificate = rcgen::CertificateParams::new(names)
            .and_then(|params| params.self_signed(&pair))
            .expect("a sound key can sign a certificate");
        Identity { certificate, key: pair.serialize_der() }
    })
}

/// A P-256 key in PKCS #8, the same in every process.
fn fixed_key() -> Vec<u8> {
    use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
    let scalar = digest::digest(&digest::SHA256, b"carepost simulated mail server");
    let private = PrivateKey::from_private_key(&ECDH_P256, scalar.as_ref()).expect("this digest is a scalar of P-256");
    let public = private.compute_public_key().expect("a private key has a public one");
    let pair = EcdsaKeyPair::from_private_key_and_public_key(
        &ECDSA_P256_SHA256_ASN1_SIGNING,
        scalar.as_ref(),
        public.as_ref(),
    );
    let document = pair.and_then(|pair| pair.to_pkcs8v1().map_err(Into::into));
    document.expect("the two belong together and can be written down").as_ref().to_vec()
}

fn server_config() -> Result<ServerConfig, rustls::Error> {
    let Identity { certificate, key } = identity();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.clone()));
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
}

pub(crate) fn open_account(core: &Core, webhook_url: &Url) -> Account {
    let username = format!("carepost-{}", core.random_hex(Vendor::Smtp, 8));
    let settings = json!({
        "host": "127.0.0.1",
        "port": core.smtp.get().map_or(0, |face| face.port),
        "tls": "starttls",
        "ca_certificate_pem": identity().certificate.pem(),
        "from_email": "care@clinic.example",
        "from_name": "Clinic",
        "envelope_sender": "bounces@clinic.example",
    });
    let credentials = json!({
        "username": username,
        "password": core.random_hex(Vendor::Smtp, 20),
        "webhook_secret": core.random_hex(Vendor::Smtp, 32),
    });
    account(core, settings, credentials, webhook_url).expect("made above with all fields")
}

/// The account behind settings and credentials that somebody has stored.
pub(crate) fn adopt_account(core: &Core, settings: &Value, credentials: &Value, webhook_url: &Url) -> Option<Account> {
    account(core, settings.clone(), credentials.clone(), webhook_url)
}

fn account(core: &Core, settings: Value, credentials: Value, webhook_url: &Url) -> Option<Account> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    core.smtp.get()?;
    Some(Account {
        vendor: Vendor::Smtp,
        key: text(&credentials["username"])?,
        secret: text(&credentials["password"])?,
        webhook_secret: text(&credentials["webhook_secret"])?,
        material: Vec::new(),
        webhook_url: webhook_url.clone(),
        // Host and port are settings.
        base_url: None,
        settings,
        credentials,
    })
}

/// Somebody writes back: the mail server pipes it to the webhook as it came.
pub(crate) fn inbound(core: &Core, account: &Account, from: &str, to: &str, text: &str) -> Webhook {
    let id = core.random_hex(Vendor::Smtp, 16);
    let raw = format!(
        "From: {from}\r\nTo: {to}\r\nSubject: Reply\r\nMessage-ID: <{id}@mail.example>\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    );
    posted(account, raw, core.clock.now())
}

/// A raw email, signed for the account.
fn posted(account: &Account, raw: String, now: Timestamp) -> Webhook {
    let signature = sign(&account.webhook_secret, now.as_second(), raw.as_bytes());
    Webhook::post(account.webhook_url.as_str(), "message/rfc822", raw).with_header(SIGNATURE_HEADER, signature)
}

/// One message as the server took it.
struct Taken {
    from: String,
    to: String,
    envelope_id: Option<String>,
    wants_success: bool,
    raw: Vec<u8>,
}

#[cfg(test)]
mod tests;
