//! TLS towards a mail server: the system's roots, or one private root.

use std::io;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::contract::ConfigError;
use crate::http;

/// Makes TLS connections to one host.
#[derive(Clone)]
pub(super) struct Connector {
    connector: TlsConnector,
    server_name: ServerName<'static>,
}

impl Connector {
    /// Trusts the system's roots, or only `ca_certificate_pem` where it is given.
    ///
    /// # Errors
    /// Where the host is no name for a certificate or the root is none.
    pub(super) fn new(host: &str, ca_certificate_pem: Option<&str>) -> Result<Self, ConfigError> {
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let server_name =
            ServerName::try_from(bare).map_err(|_| http::bad_field("/settings/host", "not the name of a host"))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier: Arc<dyn ServerCertVerifier> = match ca_certificate_pem {
            Some(pem) => {
                let roots =
                    private_root(pem).ok_or(http::bad_field("/settings/ca_certificate_pem", "not a certificate"))?;
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                    .build()
                    .map_err(|_| http::bad_field("/settings/ca_certificate_pem", "not a root certificate"))?
            }
            None => Arc::new(
                rustls_platform_verifier::Verifier::new(Arc::clone(&provider))
                    .map_err(|_| http::bad_field("/settings/tls", "the system has no root certificates"))?,
            ),
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| http::bad_field("/settings/tls", "no version of TLS is available"))?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), server_name })
    }

    /// Shakes hands over an open connection.
    ///
    /// # Errors
    /// `InvalidData` where the certificate does not hold, else what the network said.
    pub(super) async fn connect(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.connector.connect(self.server_name.clone(), stream).await
    }
}

fn private_root(pem: &str) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.ok()?).ok()?;
    }
    (!roots.is_empty()).then_some(roots)
}
