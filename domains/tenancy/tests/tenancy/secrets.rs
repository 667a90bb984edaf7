//! TEN-2: a dump of the control schema opens nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carepost_kernel::Secret;
use carepost_tenancy::{NewEndpoint, PlacementChoice};

use crate::support::{MASTER_KEY, World, actor, new_account, new_key, new_tenant, pleased};

#[tokio::test]
async fn ten_2_a_dump_holds_no_key_credential_token_secret_or_address() {
    let world = World::new().await;
    let directory = &world.directory;
    let url = Secret::new("postgres://canary-password@db.example/clinic".to_owned());
    let new = new_tenant("riverside", PlacementChoice::OwnDatabase { url: url.clone() });
    let tenant_id = directory.create_tenant(&actor(), new, |_| async { Ok(()) }).await.unwrap().tenant_id;
    let (_, key) = directory.create_api_key(&actor(), tenant_id, new_key()).await.unwrap();
    let account = directory.create_account(&actor(), tenant_id, new_account("main"), pleased).await.unwrap();
    let token = directory.open_webhook_token(&account).await.unwrap();
    let endpoint =
        NewEndpoint { url: "https://hooks.example.com/".to_owned(), event_types: Vec::new(), start_after: None };
    let (_, secret) = directory.create_endpoint(&actor(), tenant_id, endpoint).await.unwrap();
    directory.authenticate(key.expose()).await.unwrap();
    directory.flush_key_uses().await.unwrap();

    let rows = world.owner.query(include_str!("sql/dump_schema.sql"), &[]).await.unwrap();
    let dump: String = rows.iter().map(|row| row.get::<_, String>(1)).collect();
    // The dump is one: what may be seen is in it.
    for visible in ["riverside", "+15005550006", "https://hooks.example.com/", &key.expose()[..7]] {
        assert!(dump.contains(visible), "{visible}");
    }
    let (_, master) = MASTER_KEY.split_once(':').unwrap();
    let secret_bytes = STANDARD.decode(&secret.expose()["whsec_".len()..]).unwrap();
    let canaries = [
        ("credential", b"canary-credential".to_vec()),
        ("password", b"canary-password".to_vec()),
        ("API key", key.expose().as_bytes().to_vec()),
        ("random part of the API key", key.expose().as_bytes()[7..].to_vec()),
        ("webhook token", token.expose().as_bytes().to_vec()),
        ("endpoint secret", secret.expose().as_bytes()["whsec_".len()..].to_vec()),
        ("bytes of the endpoint secret", secret_bytes),
        ("master key", master.as_bytes().to_vec()),
        ("bytes of the master key", STANDARD.decode(master).unwrap()),
    ];
    for (what, canary) in canaries {
        let in_hexadecimal = hex::encode(&canary);
        assert!(!dump.contains(&in_hexadecimal), "{what} in hexadecimal");
        let as_text = String::from_utf8(canary);
        assert!(as_text.is_err() || !dump.contains(&as_text.unwrap()), "{what}");
    }
}
