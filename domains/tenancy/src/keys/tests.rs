//! Keys wrap and unwrap, and only for their owner.

use carepost_kernel::ErrorKind;
use jiff::Timestamp;

use super::*;
use crate::types::{TenantSettings, TenantStatus};

const FIRST: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const SECOND: &str = "Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";

fn tenant_id(number: u128) -> TenantId {
    TenantId::from_uuid(uuid::Uuid::from_u128(number))
}

fn keys(text: &str) -> MasterKeys {
    MasterKeys::parse(text).unwrap()
}

fn handle(keys: Vec<Arc<DataKey>>) -> Option<TenantHandle> {
    let tenant = Tenant {
        tenant_id: tenant_id(1),
        slug: "clinic".to_owned(),
        display_name: "Clinic".to_owned(),
        placement_id: PlacementId::from_uuid(uuid::Uuid::nil()),
        status: TenantStatus::Active,
        settings: TenantSettings::default(),
        version: 1,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
    };
    TenantHandle::new(tenant, keys)
}

#[test]
fn master_keys_are_read_from_lines() {
    let text = format!("# current\n\n 2026-11:{SECOND} \nold: {FIRST}\n");
    assert_eq!(keys(&text).current_id(), "2026-11");
    // Without an id the digest names it: always the same one, and another for another key.
    assert_eq!(keys(FIRST).current_id(), keys(FIRST).current_id());
    assert_ne!(keys(FIRST).current_id(), keys(SECOND).current_id());
    let generated = MasterKeys::generate_text().unwrap();
    assert_eq!(keys(generated.expose()).0.len(), 1);
}

#[test]
fn a_line_that_is_no_key_is_named_and_not_repeated() {
    let table = [
        (String::new(), 1),
        ("# nothing\n".to_owned(), 1),
        ("canary!".to_owned(), 1),
        (format!("{FIRST}\n{}", &FIRST[4..]), 2),
        (format!("a b:{FIRST}"), 1),
        (format!(":{FIRST}"), 1),
        (format!("one:{FIRST}\none:{SECOND}"), 2),
    ];
    for (text, expected) in table {
        match MasterKeys::parse(&text) {
            Err(error @ TenancyError::MasterKeys { line, .. }) => {
                assert_eq!(line, expected, "{text}");
                assert!(!error.to_string().contains("canary"));
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn ten_2_a_data_key_unwraps_for_its_tenant_version_and_master_alone() {
    let old = keys(&format!("old:{FIRST}"));
    let (id, wrapped) = old.new_data_key(tenant_id(1), 1).unwrap();
    let rotated = keys(&format!("new:{SECOND}\nold:{FIRST}"));
    let sealed = old.unwrap_data_key(tenant_id(1), 1, &id, &wrapped).unwrap().seal(b"row", b"text").unwrap();
    let opened = rotated.unwrap_data_key(tenant_id(1), 1, &id, &wrapped).unwrap().open(b"row", &sealed).unwrap();
    assert_eq!(opened.as_slice(), b"text");

    let refused = [
        rotated.unwrap_data_key(tenant_id(2), 1, &id, &wrapped),
        rotated.unwrap_data_key(tenant_id(1), 2, &id, &wrapped),
        rotated.unwrap_data_key(tenant_id(1), 1, "new", &wrapped),
        rotated.unwrap_data_key(tenant_id(1), 1, &id, &wrapped[..10]),
    ];
    for result in refused {
        assert!(matches!(result, Err(TenancyError::Seal { .. })));
    }
    let missing = keys(&format!("new:{SECOND}")).unwrap_data_key(tenant_id(1), 1, &id, &wrapped).unwrap_err();
    assert!(matches!(missing, TenancyError::MasterKeyMissing { .. }));
    assert_eq!(missing.kind(), ErrorKind::Internal);
}

#[test]
fn ten_2_a_placements_address_opens_under_any_master_key_for_its_placement_alone() {
    let placement_id = PlacementId::from_uuid(uuid::Uuid::from_u128(1));
    let other_id = PlacementId::from_uuid(uuid::Uuid::from_u128(2));
    let sealed = keys(FIRST).seal_url(placement_id, &"postgres://canary".into()).unwrap();
    let rotated = keys(&format!("{SECOND}\n{FIRST}"));
    assert_eq!(rotated.open_url(placement_id, &sealed).unwrap().expose(), "postgres://canary");
    assert!(rotated.open_url(other_id, &sealed).is_err());
    assert!(keys(SECOND).open_url(placement_id, &sealed).is_err());
}

#[test]
fn a_tenant_seals_with_the_newest_key_opens_with_all_and_hashes_with_the_oldest() {
    let key = |version| Arc::new(DataKey::new(version, &[u8::try_from(version).unwrap(); KEY_LEN]));
    let before = handle(vec![key(1)]).unwrap();
    let after = handle(vec![key(2), key(1)]).unwrap();
    let sealed_before = before.seal(b"row", b"old").unwrap();
    let sealed_after = after.seal(b"row", b"new").unwrap();
    assert_eq!(key_version(&sealed_after), Ok(2));
    assert_eq!(after.open(b"row", &sealed_before).unwrap().as_slice(), b"old");
    assert_eq!(after.open(b"row", &sealed_after).unwrap().as_slice(), b"new");
    assert_eq!(before.open(b"row", &sealed_after), Err(SealError::OtherKey(2)));
    assert_eq!(before.hash("phone", b"+15005550006"), after.hash("phone", b"+15005550006"));
    assert!(handle(Vec::new()).is_none());
}
