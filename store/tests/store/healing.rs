//! What happens when PostgreSQL goes and comes back; roles on a server that has none yet.

use carepost_kernel::{InstanceId, Secret, TenantId};
use carepost_store::{DatabaseConfig, EmbeddedConfig, EmbeddedServer, Lease, Leases, ensure_roles, migrate_placement};

use crate::support::{TempFolder, TestDatabase, noon, open, schema};

fn config(folder: &TempFolder) -> EmbeddedConfig {
    EmbeddedConfig { data_dir: folder.path().join("pg"), ..EmbeddedConfig::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pools_and_leases_heal_after_a_restart() {
    let folder = TempFolder::new();
    let server = EmbeddedServer::start(config(&folder)).await.unwrap();
    let database = DatabaseConfig::new(Secret::clone(server.url()));
    migrate_placement(&database, &schema()).await.unwrap();
    let placement = open(&database).await;
    let leases = Leases::start(&placement, InstanceId::new(noon())).await.unwrap();
    let tenant = TenantId::new(noon());
    let hour = std::time::Duration::from_secs(3600);
    let given_back = TenantId::new(noon());
    leases.claim(&[tenant, given_back], noon(), hour).await.unwrap();
    let warm = (placement.engine().await.unwrap(), placement.engine().await.unwrap());
    drop(warm);

    server.stop().await.unwrap();
    let error = placement.ping().await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    assert!(leases.renew_all(noon(), hour).await.unwrap_err().is_unavailable());
    assert!(leases.release(&[given_back]).await.unwrap_err().is_unavailable());

    let server = EmbeddedServer::start(config(&folder)).await.unwrap();
    placement.ping().await.unwrap();
    placement.tenant(tenant).await.unwrap().begin().await.unwrap().commit().await.unwrap();
    let later = noon() + jiff::SignedDuration::from_hours(2);
    assert_eq!(leases.renew_all(later, hour).await.unwrap(), []);
    // Seen as alive again: nobody else gets the tenant.
    let rival = Leases::start(&placement, InstanceId::new(noon())).await.unwrap();
    assert_eq!(rival.claim(&[tenant], later, hour).await.unwrap(), []);
    // The release that did not arrive: nobody renews the lease, and it has run out.
    let taken = [Lease { tenant_id: given_back, epoch: 2 }];
    assert_eq!(rival.claim(&[given_back], later, hour).await.unwrap(), taken);
    assert_eq!(leases.list(), [Lease { tenant_id: tenant, epoch: 1 }]);
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_are_made_once_by_many_databases_of_one_server() {
    let folder = TempFolder::new();
    let server = EmbeddedServer::start(config(&folder)).await.unwrap();
    let mut databases = Vec::new();
    for _ in 0..4 {
        databases.push(TestDatabase::create_on(server.url().expose()).await);
    }
    let runs: Vec<_> = databases
        .iter()
        .flat_map(|database| [database.config(), database.config()])
        .map(|config| tokio::spawn(async move { ensure_roles(&config).await }))
        .collect();
    for run in runs {
        run.await.unwrap().unwrap();
    }
    server.stop().await.unwrap();
}
