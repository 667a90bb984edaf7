//! What the caches keep, and what they must not.

use super::*;

fn caches() -> Caches {
    Caches::new(Timestamp::UNIX_EPOCH)
}

fn hash(number: u64) -> Hash {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&number.to_be_bytes());
    hash
}

#[test]
fn ten_4_what_was_loaded_before_a_change_is_not_kept_after_it() {
    let caches = caches();
    let map = DashMap::new();
    let before = caches.generation();
    caches.fill(&map, 1, "old", before);
    assert_eq!(map.get(&1).map(|entry| *entry), Some("old"));
    caches.advance();
    // A load that began before the change ends after it: neither its value nor an older one stays.
    caches.fill(&map, 1, "older", before);
    caches.fill(&map, 2, "older", before);
    assert!(map.is_empty());
    caches.fill(&map, 1, "new", caches.generation());
    assert_eq!(map.get(&1).map(|entry| *entry), Some("new"));
}

#[test]
fn del_12_refusals_are_bounded_and_end() {
    let caches = caches();
    let start = Timestamp::UNIX_EPOCH;
    for number in 0..3 * REFUSED_MAX as u64 {
        caches.refuse(hash(number), start);
        assert!(caches.refused.len() <= REFUSED_MAX);
    }
    let last = hash(3 * REFUSED_MAX as u64 - 1);
    assert!(caches.is_refused(&last, start));
    assert!(!caches.is_refused(&last, start + REFUSED_FOR));
    caches.admit(&last);
    assert!(!caches.is_refused(&last, start));
}

#[test]
fn a_use_is_handed_out_once_it_is_new_by_enough() {
    let key = CachedKey::new(Arc::new(Principal {
        tenant_id: TenantId::from_uuid(uuid::Uuid::nil()),
        api_key_id: carepost_kernel::ApiKeyId::from_uuid(uuid::Uuid::nil()),
        scopes: crate::Scopes::default(),
        expires_at: None,
    }));
    assert_eq!(key.unwritten_use(60), None);
    for (used_at, handed_out) in [(100, Some(100)), (159, None), (160, Some(160)), (160, None)] {
        key.mark_used(Timestamp::from_microsecond(used_at).unwrap());
        assert_eq!(key.unwritten_use(60), handed_out, "{used_at}");
        key.mark_written(handed_out.unwrap_or_default());
    }
}
