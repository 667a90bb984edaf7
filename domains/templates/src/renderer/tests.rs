//! What is kept, and how much of it.

use super::*;
use crate::library::library;

#[test]
fn what_was_used_longest_ago_goes_first() {
    let content = &library().by_key("visit_status").unwrap().content;
    let compiled = Arc::new(compile(content).unwrap());
    let now = "2026-11-22T12:00:00Z".parse().unwrap();
    let key = |version| (TenantId::first_at(now), TemplateId::first_at(now), version);
    let mut kept = Kept::default();
    let most = i32::try_from(KEPT).unwrap();
    for version in 0..most {
        assert!(kept.find(&key(version)).is_none());
        kept.keep(key(version), Arc::clone(&compiled));
    }
    assert!(kept.find(&key(0)).is_some());
    kept.find(&key(most));
    kept.keep(key(most), compiled);
    assert_eq!(kept.versions.len(), KEPT);
    assert!(kept.find(&key(0)).is_some() && kept.find(&key(most)).is_some());
    assert!(kept.find(&key(1)).is_none(), "used longest ago");
}
