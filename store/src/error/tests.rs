//! Which SQLSTATE means what; that texts stay readable and free of values.

use super::*;

#[test]
fn passing_troubles_are_unavailable_and_verdicts_are_not() {
    for code in ["08006", "57P01", "57P03", "53300", "40P01", "40001", "57014", "55P03"] {
        assert!(passing_trouble(code).is_some(), "{code}");
    }
    for code in ["23505", "23503", "42501", "42P01", "22P02", "28P01", ""] {
        assert!(passing_trouble(code).is_none(), "{code}");
    }
}

#[test]
fn del_9_texts_name_code_table_and_constraint_only() {
    let refused =
        StoreError::Refused { code: "23503".into(), table: Some("tenants".into()), constraint: Some("fk".into()) };
    assert_eq!(refused.to_string(), "run statement: refused with 23503 on table tenants by constraint fk");
    let away = StoreError::Unavailable { reason: "it is stopping or starting", code: Some("57P01".into()) };
    assert_eq!(away.to_string(), "reach database: it is stopping or starting (57P01)");
    assert_eq!((away.kind(), away.is_unavailable()), (ErrorKind::Unavailable, true));
}

#[test]
fn a_busy_pool_is_unavailable() {
    let error = StoreError::from(PoolError::Timeout(TimeoutType::Wait));
    assert!(error.is_unavailable());
}
