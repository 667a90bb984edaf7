//! Processes that end with ours.
//!
//! Linux can send a child a signal when its parent ends (prctl(2), `PR_SET_PDEATHSIG`), whatever the parent dies of.
//! "Parent" means the thread that made the child. So a thread of its own makes the child and then only waits: it ends
//! with our process (`kill -9` included) or when it is told to, and in each case the child gets SIGINT. For PostgreSQL
//! that is a fast and clean shut-down, for `initdb` the order to clean up. One mechanism serves stop, drop and crash.

use std::os::unix::process::{CommandExt as _, parent_id};
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc;
use std::time::Duration;

use tokio::sync::watch;

use super::EmbeddedError;

/// A fast shut-down writes a checkpoint, which takes a while on a slow disk.
const STOP_PATIENCE: Duration = Duration::from_secs(60);

/// A process that ends with ours. Dropped, it is told to.
#[derive(Debug)]
pub(super) struct TiedProcess {
    /// Nothing is ever sent: its end is the message.
    keep: mpsc::Sender<()>,
    end: watch::Receiver<Option<ExitStatus>>,
}

impl TiedProcess {
    pub(super) fn spawn(mut command: Command) -> std::io::Result<Self> {
        // A group of its own: Ctrl-C in a terminal is for us, the child goes when we have drained.
        command.process_group(0);
        die_with_parent(&mut command);
        let (keep, kept) = mpsc::channel();
        let (ended, end) = watch::channel(None);
        let (started, start) = mpsc::channel();
        thread("carepost-pg", move || {
            let outcome =
                command.spawn().and_then(|child| thread("carepost-pg-wait", move || announce_end(child, &ended)));
            let is_running = outcome.is_ok();
            if started.send(outcome).is_ok() && is_running {
                // Fails once the sender is gone. This thread's end is the child's signal.
                let _told = kept.recv();
            }
        })?;
        start.recv().unwrap_or_else(|_| Err(std::io::Error::other("the thread ended early")))?;
        Ok(Self { keep, end })
    }

    /// How it ended, once it has; `None` where nobody knows.
    pub(super) async fn ended(&self) -> Option<ExitStatus> {
        let mut end = self.end.clone();
        end.wait_for(Option::is_some).await.ok().and_then(|status| *status)
    }

    pub(super) async fn stop(self) -> Result<(), EmbeddedError> {
        let Self { keep, mut end } = self;
        drop(keep);
        match tokio::time::timeout(STOP_PATIENCE, end.wait_for(Option::is_some)).await {
            Ok(_) => Ok(()),
            Err(_) => Err(EmbeddedError::Slow { what: "stop", patience: STOP_PATIENCE }),
        }
    }
}

/// An end in words, for errors.
pub(super) fn in_words(status: Option<ExitStatus>) -> String {
    status.map_or_else(|| "it ended in an unknown way".to_owned(), |status| status.to_string())
}

fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map(|_detached| ())
}

fn announce_end(mut child: Child, ended: &watch::Sender<Option<ExitStatus>>) {
    // Waiting fails only for a child that is waited for already; the sender's end says that much.
    if let Ok(status) = child.wait() {
        ended.send_replace(Some(status));
    }
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
