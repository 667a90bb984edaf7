//! The real program as a child: started, killed, frozen, started again; its log is read at the end.

use std::fs::{File, OpenOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::Value;
use uuid::Uuid;

use super::{Api, CANARY, wait_until};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_carepost");
const ADMIN_TOKEN: &str = "it-admin-token-of-an-invented-deployment";
const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The environment that every run of the program needs.
pub(crate) fn base_env(database_url: &str) -> Vec<(String, String)> {
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    [
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("DATABASE_URL", database_url),
        ("CAREPOST_DATA_DIR", "/nonexistent"),
        ("CAREPOST_MASTER_KEY", MASTER_KEY),
        ("CAREPOST_ADMIN_TOKEN", ADMIN_TOKEN),
        ("CAREPOST_PRIVATE_URLS", "on"),
        ("CAREPOST_HTTP_WORKERS", "2"),
        // The balancers of these tests look often.
        ("CAREPOST_HTTP_NOTICE_S", "2"),
        ("CAREPOST_DB_START_PATIENCE_S", "10"),
    ]
    .map(owned)
    .into()
}

/// A running `carepost serve`.
pub(crate) struct Server {
    child: Option<Child>,
    env: Vec<(String, String)>,
    log: PathBuf,
    allowed: Vec<&'static str>,
    pub(crate) base: String,
    pub(crate) metrics: String,
    /// With the administrator's token.
    pub(crate) admin: Api,
}

impl Server {
    /// Starts one and waits until it takes requests.
    pub(crate) async fn start(database_url: &str, more: &[(&str, &str)]) -> Self {
        let (listen, metrics) = (free_address(), free_address());
        let mut env = base_env(database_url);
        env.push(("CAREPOST_LISTEN".to_owned(), listen.clone()));
        env.push(("CAREPOST_METRICS_LISTEN".to_owned(), metrics.clone()));
        env.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let base = format!("http://{listen}");
        let mut server = Self {
            child: None,
            env,
            log: std::env::temp_dir().join(format!("carepost-it-{}.log", Uuid::new_v4().simple())),
            allowed: Vec::new(),
            admin: Api::new(&base, Some(ADMIN_TOKEN)),
            metrics: format!("http://{metrics}/metrics"),
            base,
        };
        server.run().await;
        server
    }

    /// Warnings and errors that hold this text are expected.
    pub(crate) fn allow(&mut self, text: &'static str) {
        self.allowed.push(text);
    }

    /// What is expected where the database goes away, or the process with a lease.
    pub(crate) fn allow_outage(&mut self) {
        self.allowed.extend([
            "a request could not be served now",
            "could not look for new placements",
            "commit messages",
            "commit ledger",
            "refresh configuration",
            "perform a duty for a placement",
            "claim lease",
            "count waiting deliveries",
            "read provider accounts",
            "read webhook endpoints",
            "list webhook endpoints",
            "open placement",
            "make put off deliveries due",
            "write down the use of API keys",
            "page in",
            "read due rows",
            "a placement",
            "read delivery with bad news",
            "read due deliveries",
            "connection error",
            "read what the gate has to know",
            "read the gate's policy",
            "take up messages from outside",
            "follow a message from outside",
            "hear what somebody outside says",
            "suppress an address",
        ]);
    }

    /// Starts it again after an end.
    pub(crate) async fn run(&mut self) {
        let log = |path: &Path| OpenOptions::new().create(true).append(true).open(path).unwrap();
        let to: [File; 2] = [log(&self.log), log(&self.log)];
        let [out, err] = to.map(Stdio::from);
        // It ends with the test, even where that is killed.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", PROGRAM, "serve"])
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .unwrap();
        self.child = Some(child);
        let ready = self.admin.request("GET", "/health/ready");
        wait_until("the server is ready", || {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().unwrap());
            assert!(ended.is_none(), "the server ended: {}", std::fs::read_to_string(&self.log).unwrap());
            let asked = ready.try_clone().unwrap();
            async move { asked.send().await.is_ok_and(|answer| answer.status().is_success()) }
        })
        .await;
    }

    /// Kills it where it stands. A line that it was in the middle of is none, and leaves the log.
    pub(crate) fn kill9(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
            let whole = self.log().rfind('\n').map_or(0, |end| end + 1);
            OpenOptions::new().write(true).open(&self.log).unwrap().set_len(whole as u64).unwrap();
        }
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.take().expect("it runs").wait().unwrap()
    }

    /// An orderly stop.
    pub(crate) fn stop(&mut self) {
        self.signal("TERM");
        if let Some(mut child) = self.child.take() {
            assert!(child.wait().unwrap().success());
        }
    }

    pub(crate) async fn restart(&mut self) {
        self.stop();
        self.run().await;
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let Some(child) = &self.child else { return };
        let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// All that it has written so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// A caller without a key.
    pub(crate) fn nobody(&self) -> Api {
        Api::new(&self.base, None)
    }

    fn complaints(&self) -> Vec<String> {
        // What is no line of the log at all is loud as well: a panic's own words, for example.
        let is_loud = |line: &&str| {
            let parsed: Value = serde_json::from_str(line).unwrap_or(Value::Null);
            !line.trim().is_empty() && !matches!(parsed["level"].as_str(), Some("INFO" | "DEBUG" | "TRACE"))
        };
        let log = self.log();
        let expected = |line: &&str| self.allowed.iter().any(|text| line.contains(text));
        log.lines().filter(is_loud).filter(|line| !expected(line)).take(20).map(str::to_owned).collect()
    }
}

/// An address below the ports that connections are given, so that a restart finds it free again.
pub(crate) fn free_address() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 9_000).unwrap_or(0);
    loop {
        let port = 10_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 9_000;
        let address = format!("127.0.0.1:{port}");
        if TcpListener::bind(&address).is_ok() {
            return address;
        }
    }
}

impl Drop for Server {
    #[expect(clippy::print_stdout, reason = "the log of a failed test is shown with it")]
    fn drop(&mut self) {
        self.kill9();
        let log = self.log();
        if std::thread::panicking() {
            let last: Vec<&str> =
                log.lines().rev().filter(|line| !line.contains("carepost::access")).take(40).collect();
            println!("the end of the server's log:\n{}", last.into_iter().rev().collect::<Vec<_>>().join("\n"));
        }
        let (complaints, _removed) = (self.complaints(), std::fs::remove_file(&self.log));
        if !std::thread::panicking() {
            assert!(complaints.is_empty(), "unexpected in the log:\n{}", complaints.join("\n"));
            for private in [CANARY, "+1500555", "simulator.example"] {
                let line = log.lines().find(|line| line.contains(private));
                assert!(line.is_none(), "DEL-9: {private} in the log: {line:?}");
            }
        }
    }
}
