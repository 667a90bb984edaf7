//! Migrations and roles: once, in order, whoever comes together.

use carepost_kernel::Secret;
use carepost_store::{
    DatabaseConfig, HeldDay, Partition, StoreError, drop_partitions_before, ensure_partitions, ensure_roles,
    list_partitions, migrate_control, migrate_placement,
};
use jiff::civil::date;

use crate::support::{TestDatabase, noon, open, schema};

const FORGE_CHECKSUM: &str = include_str!("sql/forge_checksum.sql");
const INSERT_OPEN_DELIVERY: &str = include_str!("sql/insert_open_delivery.sql");
const CLOSE_DELIVERIES: &str = include_str!("sql/close_deliveries.sql");
const FORGET_MIGRATIONS: &str = include_str!("sql/forge_number.sql");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_migrate_together_run_each_file_once() {
    let database = TestDatabase::create().await;
    let started: Vec<_> = (0..4)
        .map(|_| {
            let config = database.config();
            tokio::spawn(async move { migrate_placement(&config, &schema()).await.unwrap() })
        })
        .collect();
    let mut applied = Vec::new();
    for run in started {
        applied.extend(run.await.unwrap());
    }
    let mut once = applied.clone();
    once.sort();
    once.dedup();
    assert!(!once.is_empty());
    assert_eq!(applied, once, "each file exactly once, in order, by one process");
    assert_eq!(migrate_placement(&database.config(), &schema()).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn control_and_placement_live_in_schemas_of_their_own() {
    let database = TestDatabase::create().await;
    let control = "control".parse().unwrap();
    assert!(!migrate_control(&database.config(), &control).await.unwrap().is_empty());
    assert!(!migrate_placement(&database.config(), &schema()).await.unwrap().is_empty());
    let other = "t_other".parse().unwrap();
    assert!(!migrate_placement(&database.config(), &other).await.unwrap().is_empty());
    assert_eq!(migrate_control(&database.config(), &control).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn a_changed_file_and_an_unknown_one_stop_everything() {
    let database = TestDatabase::create().await;
    migrate_control(&database.config(), &schema()).await.unwrap();
    database.owner.batch_execute(FORGE_CHECKSUM).await.unwrap();
    let error = migrate_control(&database.config(), &schema()).await.unwrap_err().to_string();
    assert!(error.ends_with("its file was changed after it ran"), "{error}");
    database.owner.batch_execute(FORGET_MIGRATIONS).await.unwrap();
    let error = migrate_control(&database.config(), &schema()).await.unwrap_err().to_string();
    assert!(error.ends_with("does not fit this program"), "{error}");
}

#[tokio::test]
async fn partitions_are_made_ahead_and_dropped_by_day() {
    let database = TestDatabase::create().await;
    let placement = database.placement().await;
    let made = ensure_partitions(&placement, noon(), 2).await.unwrap();
    let partitions = list_partitions(&placement).await.unwrap();
    assert_eq!(usize::try_from(made).unwrap(), partitions.len());
    assert_eq!(ensure_partitions(&placement, noon(), 2).await.unwrap(), 0);
    let days: Vec<_> = partitions.iter().filter(|one| one.table == "messages").map(|one| one.day).collect();
    assert_eq!(days, [21, 22, 23, 24].map(|day| date(2026, 11, day)));
    let tables = partitions.len() / days.len();
    let dropped = drop_partitions_before(&placement, date(2026, 11, 23)).await.unwrap();
    assert_eq!((dropped.names.len(), dropped.held.len()), (2 * tables, 0));
    assert_eq!(list_partitions(&placement).await.unwrap().len(), 2 * tables);
}

#[tokio::test]
async fn del_1_a_day_with_open_deliveries_is_not_dropped() {
    let database = TestDatabase::create().await;
    let placement = database.placement().await;
    ensure_partitions(&placement, noon(), 2).await.unwrap();
    let held = date(2026, 11, 22);
    database.owner.execute(INSERT_OPEN_DELIVERY, &[&held]).await.unwrap();
    let outcome = drop_partitions_before(&placement, date(2026, 11, 24)).await.unwrap();
    assert_eq!(outcome.held, [HeldDay { day: held, open: 1 }]);
    assert_eq!(outcome.names.len(), 6, "the days before and after it: {:?}", outcome.names);
    let of_held = |partitions: Vec<Partition>| partitions.into_iter().filter(|one| one.day == held).count();
    assert_eq!(of_held(list_partitions(&placement).await.unwrap()), 3, "all tables of the day stay");
    database.owner.batch_execute(CLOSE_DELIVERIES).await.unwrap();
    let outcome = drop_partitions_before(&placement, date(2026, 11, 24)).await.unwrap();
    assert_eq!((outcome.names.len(), outcome.held.len()), (3, 0));
    assert_eq!(of_held(list_partitions(&placement).await.unwrap()), 0);
}

#[tokio::test]
async fn del_1_an_owner_who_cannot_see_the_rows_drops_nothing() {
    let database = TestDatabase::create().await;
    ensure_roles(&database.config()).await.unwrap();
    let login = format!("login_{}", carepost_kernel::InstanceId::new(noon()).as_uuid().simple());
    let create = format!(
        "CREATE ROLE {login} LOGIN NOINHERIT; GRANT carepost_app, carepost_engine TO {login}; \
         CREATE SCHEMA care AUTHORIZATION {login}"
    );
    database.owner.batch_execute(&create).await.unwrap();
    let config = DatabaseConfig::new(Secret::new(format!("{} user={login}", database.url)));
    migrate_placement(&config, &schema()).await.unwrap();
    let placement = open(&config).await;
    ensure_partitions(&placement, noon(), 0).await.unwrap();
    database.owner.execute(INSERT_OPEN_DELIVERY, &[&date(2026, 11, 21)]).await.unwrap();
    drop_partitions_before(&placement, date(2026, 11, 23)).await.unwrap_err();
    assert_eq!(list_partitions(&placement).await.unwrap().len(), 6);
    // With the engine's rights the same owner sees the row, and the day stays for it.
    database.owner.batch_execute(&format!("ALTER ROLE {login} INHERIT")).await.unwrap();
    let outcome = drop_partitions_before(&placement, date(2026, 11, 23)).await.unwrap();
    assert_eq!((outcome.names.len(), outcome.held.len()), (3, 1));
}

#[tokio::test]
async fn a_login_without_rights_is_told_what_is_missing() {
    let database = TestDatabase::create().await;
    ensure_roles(&database.config()).await.unwrap();
    let login = format!("login_{}", carepost_kernel::InstanceId::new(noon()).as_uuid().simple());
    database.owner.batch_execute(&format!("CREATE ROLE {login} LOGIN")).await.unwrap();
    let config = DatabaseConfig::new(Secret::new(format!("{} user={login}", database.url)));
    let error = ensure_roles(&config).await.unwrap_err();
    assert!(matches!(&error, StoreError::Config(text) if text.contains("carepost_app")), "{error}");
    database.owner.batch_execute(&format!("GRANT carepost_app, carepost_engine TO {login}")).await.unwrap();
    ensure_roles(&config).await.unwrap();
    let error = migrate_control(&config, &schema()).await.unwrap_err();
    assert!(matches!(&error, StoreError::Config(text) if text.contains("schema care")), "{error}");
    database.owner.batch_execute(&format!("CREATE SCHEMA care AUTHORIZATION {login}")).await.unwrap();
    assert!(!migrate_control(&config, &schema()).await.unwrap().is_empty());
}
