//! TLS towards a real server: encrypted and verified, or not at all.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use carepost_kernel::{PlacementId, Secret};
use carepost_store::{DatabaseConfig, IoRuntime, Placement, StoreError, migrate_placement};

use crate::support::{TempFolder, TestDatabase, count, noon, open, schema, until};

const ENABLE_TLS: &str = include_str!("sql/enable_tls.sql");
const RELOAD: &str = include_str!("sql/reload_settings.sql");
const COUNT_ENCRYPTED: &str = include_str!("sql/count_encrypted.sql");

async fn shown(database: &TestDatabase, name: &str) -> String {
    database.owner.query_one(&format!("SHOW {name}"), &[]).await.unwrap().get(0)
}

/// Puts a file where the server looks for it, owned by the server's user.
fn hand_over(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    let owner = std::fs::metadata(folder).unwrap();
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
}

/// Switches TLS on for `localhost`; returns the file with the certificate.
async fn enable_tls(database: &TestDatabase, folder: &TempFolder) -> PathBuf {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let data = PathBuf::from(shown(database, "data_directory").await);
    hand_over(&data, "server.crt", &certified.cert.pem());
    hand_over(&data, "server.key", &certified.signing_key.serialize_pem());
    database.owner.batch_execute(ENABLE_TLS).await.unwrap();
    database.owner.execute(RELOAD, &[]).await.unwrap();
    until("TLS is on", || async { shown(database, "ssl").await == "on" }).await;
    let path = folder.path().join("root.pem");
    std::fs::write(&path, certified.cert.pem()).unwrap();
    path
}

async fn connect(config: &DatabaseConfig) -> Result<Placement, StoreError> {
    let io = IoRuntime::start().unwrap();
    Placement::connect(PlacementId::new(noon()), config, &schema(), &io).await
}

#[tokio::test]
async fn a_connection_over_the_net_is_encrypted_and_verified() {
    let database = TestDatabase::create().await;
    let folder = TempFolder::new();
    migrate_placement(&database.config(), &schema()).await.unwrap();
    let root_certificate = enable_tls(&database, &folder).await;
    let (port, name) = (shown(&database, "port").await, database.name.clone());
    let over = |host: &str, sslmode: &str| DatabaseConfig {
        root_certificate: Some(root_certificate.clone()),
        ..DatabaseConfig::new(Secret::new(format!("postgres://postgres@{host}:{port}/{name}?sslmode={sslmode}")))
    };
    let placement = open(&over("localhost", "verify-full")).await;
    placement.ping().await.unwrap();
    // One of each pool.
    assert_eq!(count(&database.owner, COUNT_ENCRYPTED).await, 2);

    // Another name than the certificate's, and another authority than the one we trust.
    let wrong_name = connect(&over("127.0.0.1", "require")).await.unwrap_err();
    assert!(matches!(&wrong_name, StoreError::Config(text) if text.contains("certificate")), "{wrong_name}");
    let stranger = DatabaseConfig { root_certificate: None, ..over("localhost", "require") };
    let unknown = connect(&stranger).await.unwrap_err();
    assert!(matches!(&unknown, StoreError::Config(text) if text.contains("certificate")), "{unknown}");
}
