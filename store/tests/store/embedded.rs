//! The embedded server: start, stop, crash, and folders that do not fit.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use carepost_store::{EmbeddedConfig, EmbeddedError, EmbeddedServer};

use crate::support::{TempFolder, connect, count};

const CHILD_FOLDER: &str = "CAREPOST_TEST_CHILD_FOLDER";
const CREATE_MARK: &str = include_str!("sql/create_mark.sql");

fn config(folder: &Path) -> EmbeddedConfig {
    EmbeddedConfig { data_dir: folder.join("pg"), ..EmbeddedConfig::default() }
}

#[tokio::test]
async fn what_was_written_is_there_after_a_stop_and_a_start() {
    let folder = TempFolder::new();
    let server = EmbeddedServer::start(config(folder.path())).await.unwrap();
    let client = connect(server.url().expose()).await;
    client.batch_execute(CREATE_MARK).await.unwrap();
    server.stop().await.unwrap();
    assert!(client.simple_query("SHOW port").await.is_err());

    let server = EmbeddedServer::start(config(folder.path())).await.unwrap();
    let client = connect(server.url().expose()).await;
    assert_eq!(count(&client, "TABLE mark").await, 42);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn del_9_the_server_keeps_data_and_loses_words() {
    let folder = TempFolder::new();
    let settings = vec![("max_connections".to_owned(), "77".to_owned())];
    let server = EmbeddedServer::start(EmbeddedConfig { settings, ..config(folder.path()) }).await.unwrap();
    let client = connect(server.url().expose()).await;
    let expected = [
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
        ("data_checksums", "on"),
        ("listen_addresses", ""),
        ("log_min_error_statement", "panic"),
        ("log_parameter_max_length_on_error", "0"),
        ("log_error_verbosity", "terse"),
        ("max_connections", "77"),
        ("max_locks_per_transaction", "512"),
    ];
    for (name, value) in expected {
        let shown: String = client.query_one(&format!("SHOW {name}"), &[]).await.unwrap().get(0);
        assert_eq!(shown, value, "{name}");
    }
    client.batch_execute("DO $$ BEGIN RAISE 'Maria Canary'; END $$").await.unwrap_err();
    server.stop().await.unwrap();

    let data = folder.path().join("pg");
    assert_eq!(std::fs::metadata(data.join("password")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    let logs = std::fs::read_dir(data.join("log")).unwrap().map(|entry| entry.unwrap().path());
    let words: String = logs.map(|log| std::fs::read_to_string(log).unwrap()).collect();
    assert!(words.contains("ready to accept connections"));
    assert!(!words.contains("Canary"));
}

#[tokio::test]
async fn a_folder_in_use_is_named() {
    let folder = TempFolder::new();
    let server = EmbeddedServer::start(config(folder.path())).await.unwrap();
    let error = EmbeddedServer::start(config(folder.path())).await.unwrap_err();
    assert!(matches!(&error, EmbeddedError::InUse { folder } if folder.ends_with("pg")), "{error}");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_folder_of_somebody_else_is_left_alone() {
    let folder = TempFolder::new();
    std::fs::write(folder.path().join("thesis.txt"), "years of work").unwrap();
    let config = EmbeddedConfig { data_dir: folder.path().to_owned(), ..EmbeddedConfig::default() };
    let error = EmbeddedServer::start(config).await.unwrap_err();
    assert!(matches!(error, EmbeddedError::Foreign { .. }), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn under_root_a_closed_ancestor_is_named() {
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        // Only root hands the folder to another user.
        return;
    }
    let folder = TempFolder::new();
    let closed = folder.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let error = EmbeddedServer::start(config(&closed)).await.unwrap_err();
    assert!(matches!(&error, EmbeddedError::Unreachable { blocked_at, .. } if *blocked_at == closed), "{error}");
}

#[tokio::test]
async fn missing_binaries_are_an_instruction() {
    let folder = TempFolder::new();
    let config = EmbeddedConfig { bin_dir: Some(PathBuf::from("/nonexistent")), ..config(folder.path()) };
    let error = EmbeddedServer::start(config).await.unwrap_err();
    assert!(error.to_string().contains("apt-get install postgresql"), "{error}");
}

#[tokio::test]
async fn a_long_path_gets_a_socket_elsewhere() {
    let folder = TempFolder::new();
    let deep = folder.path().join("d".repeat(90));
    let server = EmbeddedServer::start(config(&deep)).await.unwrap();
    let client = connect(server.url().expose()).await;
    client.simple_query("SHOW port").await.unwrap();
    server.stop().await.unwrap();
}

/// Not a test by itself: the process that the test below kills. Without a folder in the environment it does nothing.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the parent hands the folder over in the environment")]
async fn child_that_is_killed() {
    let Ok(folder) = std::env::var(CHILD_FOLDER) else { return };
    let server = EmbeddedServer::start(config(Path::new(&folder))).await.unwrap();
    println!("\nurl {}", server.url().expose());
    server.ended().await;
}

fn spawn_child(folder: &Path) -> (Child, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "embedded::child_that_is_killed", "--nocapture"])
        .env(CHILD_FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = lines.map(Result::unwrap).find_map(|line| line.strip_prefix("url ").map(str::to_owned));
    (child, url.expect("the child starts its server"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_1_after_a_kill_the_next_start_finds_everything() {
    let folder = TempFolder::new();
    let (mut child, url) = spawn_child(folder.path());
    let client = connect(&url).await;
    let error = EmbeddedServer::start(config(folder.path())).await.unwrap_err();
    assert!(matches!(error, EmbeddedError::InUse { .. }), "{error}");
    client.batch_execute(CREATE_MARK).await.unwrap();
    child.kill().unwrap();
    child.wait().unwrap();

    let server = EmbeddedServer::start(config(folder.path())).await.unwrap();
    let client = connect(server.url().expose()).await;
    assert_eq!(count(&client, "TABLE mark").await, 42);
    server.stop().await.unwrap();
}
