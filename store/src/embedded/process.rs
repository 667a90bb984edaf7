//! The server's process, tied to ours.
//!
//! Linux can send a child a signal when its parent ends (prctl(2), `PR_SET_PDEATHSIG`), whatever the parent dies of.
//! "Parent" means the thread that made the child. So a thread of its own makes the server and then only waits: it ends
//! with our process (`kill -9` included) or when it is told to, and in each case PostgreSQL gets SIGINT, which means
//! a fast and clean shut-down. One mechanism serves the stop, the drop and the crash.

use std::fs::OpenOptions;
use std::os::unix::process::{CommandExt as _, parent_id};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tokio::sync::watch;

use super::account::Account;
use super::folder::Folder;
use super::setup::Programs;
use super::{EmbeddedError, io_error};

/// A fast shut-down writes a checkpoint, which takes a while on a slow disk.
const STOP_PATIENCE: Duration = Duration::from_secs(60);

/// A server that runs. Dropped, it is told to shut down.
#[derive(Debug)]
pub(super) struct ServerProcess {
    /// Nothing is ever sent: its end is the message.
    keep: mpsc::Sender<()>,
    end: watch::Receiver<Option<String>>,
}

impl ServerProcess {
    /// Starts `postgres` on the folder's cluster.
    pub(super) fn spawn(
        programs: &Programs,
        folder: &Folder,
        account: Account,
        settings: &[String],
    ) -> Result<Self, EmbeddedError> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.start_log())
            .map_err(io_error(format!("open {}", folder.start_log().display())))?;
        let mut command = account.command(&programs.postgres);
        command.arg("-D").arg(folder.cluster()).args(settings);
        // A group of its own: Ctrl-C in a terminal is for us, the server goes when we have drained.
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        die_with_parent(&mut command);
        let (keep, kept) = mpsc::channel();
        let (ended, end) = watch::channel(None);
        let (started, start) = mpsc::channel();
        thread("carepost-pg", move || {
            let outcome =
                command.spawn().and_then(|child| thread("carepost-pg-wait", move || announce_end(child, &ended)));
            let is_running = outcome.is_ok();
            if started.send(outcome).is_ok() && is_running {
                // Fails once the sender is gone. This thread's end is the server's signal.
                let _told = kept.recv();
            }
        })
        .map_err(io_error("start a thread"))?;
        start
            .recv()
            .unwrap_or_else(|_| Err(std::io::Error::other("the thread ended early")))
            .map_err(io_error(format!("start {}", programs.postgres.display())))?;
        Ok(Self { keep, end })
    }

    /// How the server ended, once it has.
    pub(super) async fn ended(&self) -> String {
        let mut end = self.end.clone();
        let unknown = || "in an unknown way".to_owned();
        end.wait_for(Option::is_some).await.map_or_else(|_| unknown(), |how| how.clone().unwrap_or_else(unknown))
    }

    pub(super) async fn stop(self) -> Result<(), EmbeddedError> {
        let Self { keep, mut end } = self;
        drop(keep);
        let over = end.wait_for(Option::is_some);
        match tokio::time::timeout(STOP_PATIENCE, over).await {
            Ok(_) => Ok(()),
            Err(_) => Err(EmbeddedError::Slow { what: "stop", patience: STOP_PATIENCE }),
        }
    }
}

fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map(|_detached| ())
}

fn announce_end(mut child: Child, ended: &watch::Sender<Option<String>>) {
    let how = child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
    ended.send_replace(Some(how));
}

#[expect(unsafe_code, reason = "the parent-death signal can only be asked for between fork and exec")]
fn die_with_parent(command: &mut Command) {
    let parent = std::process::id();
    let ask = move || {
        // The user was changed before this, which would have cleared the request.
        if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGINT) } != 0 {
            return Err(std::io::Error::last_os_error());
        }
        // A parent that died before the request sends nothing any more.
        if parent_id() == parent { Ok(()) } else { Err(std::io::ErrorKind::BrokenPipe.into()) }
    };
    // SAFETY: `ask` allocates nothing, locks nothing, and calls prctl and getppid only, both async-signal-safe.
    unsafe {
        command.pre_exec(ask);
    }
}
