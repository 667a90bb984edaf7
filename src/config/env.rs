//! The environment, and a reader that collects what is wrong with it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use carepost_kernel::Secret;

/// Variables of a process, or of a test.
pub trait Env {
    /// The value of a variable.
    fn get(&self, name: &str) -> Option<OsString>;

    /// The names of all variables.
    fn names(&self) -> Vec<String>;
}

/// The real environment.
#[derive(Debug, Clone, Copy)]
pub struct ProcessEnv;

impl Env for ProcessEnv {
    #[expect(clippy::disallowed_methods, reason = "this file is where the environment is read")]
    fn get(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }

    fn names(&self) -> Vec<String> {
        std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect()
    }
}

/// One variable that is wrong. Values are not repeated: they may be secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its name.
    pub variable: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Other programs of this house have variables of their own below these.
const FOREIGN: [&str; 3] = ["CAREPOST_TEST_", "CAREPOST_CI_", "CAREPOST_LOADTEST_"];

/// Reads variables, notes which ones there are, collects faults. A variable set to nothing counts as unset.
pub struct Reader<'a> {
    env: &'a dyn Env,
    faults: Vec<Fault>,
    known: BTreeSet<String>,
}

impl<'a> Reader<'a> {
    /// A reader without faults.
    #[must_use]
    pub fn new(env: &'a dyn Env) -> Self {
        Self { env, faults: Vec::new(), known: BTreeSet::new() }
    }

    /// Notes a fault.
    pub fn fault(&mut self, variable: &str, problem: impl Into<String>) {
        self.faults.push(Fault { variable: variable.to_owned(), problem: problem.into() });
    }

    /// A text, trimmed.
    pub fn text(&mut self, name: &str) -> Option<String> {
        self.known.insert(name.to_owned());
        match self.env.get(name)?.into_string() {
            Ok(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Err(_) => {
                self.fault(name, "is not UTF-8");
                None
            }
        }
    }

    /// A path.
    pub fn path(&mut self, name: &str) -> Option<PathBuf> {
        self.known.insert(name.to_owned());
        self.env.get(name).filter(|path| !path.is_empty()).map(PathBuf::from)
    }

    /// Anything that parses; `shape` says what it must be.
    pub fn parsed<T: FromStr>(&mut self, name: &str, shape: &str) -> Option<T> {
        let parsed = self.text(name)?.parse().ok();
        if parsed.is_none() {
            self.fault(name, format!("must be {shape}"));
        }
        parsed
    }

    /// A whole number within bounds.
    pub fn number(&mut self, name: &str, default: u64, bounds: RangeInclusive<u64>) -> u64 {
        let shape = format!("a whole number between {} and {}", bounds.start(), bounds.end());
        let number = self.parsed(name, &shape).unwrap_or(default);
        if !bounds.contains(&number) {
            self.fault(name, format!("must be {shape}"));
        }
        number
    }

    /// A count within bounds, for sizes in memory.
    pub fn count(&mut self, name: &str, default: usize, bounds: RangeInclusive<usize>) -> usize {
        let shape = format!("a whole number between {} and {}", bounds.start(), bounds.end());
        let number = self.parsed(name, &shape).unwrap_or(default);
        if !bounds.contains(&number) {
            self.fault(name, format!("must be {shape}"));
        }
        number
    }

    /// A span in milliseconds.
    pub fn millis(&mut self, name: &str, default: u64, bounds: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.number(name, default, bounds))
    }

    /// A span in seconds.
    pub fn seconds(&mut self, name: &str, default: u64, bounds: RangeInclusive<u64>) -> Duration {
        Duration::from_secs(self.number(name, default, bounds))
    }

    /// `on` or `off`.
    pub fn flag(&mut self, name: &str, default: bool) -> bool {
        match self.text(name).as_deref() {
            None => default,
            Some("on") => true,
            Some("off") => false,
            Some(_) => {
                self.fault(name, "must be on or off");
                default
            }
        }
    }

    /// A secret: in the variable itself, or in the file that `<name>_FILE` names.
    pub fn secret(&mut self, name: &str) -> Option<Secret<String>> {
        let file_variable = format!("{name}_FILE");
        let (value, file) = (self.text(name), self.path(&file_variable));
        match (value, file) {
            (Some(_), Some(_)) => {
                self.fault(name, format!("is set, and so is {file_variable}: one of them must go"));
                None
            }
            (Some(value), None) => Some(Secret::new(value)),
            (None, Some(file)) => match std::fs::read_to_string(&file) {
                Ok(text) if !text.trim().is_empty() => Some(Secret::new(text.trim().to_owned())),
                Ok(_) => {
                    self.fault(&file_variable, "names an empty file");
                    None
                }
                Err(error) => {
                    self.fault(&file_variable, format!("names a file that cannot be read: {}", error.kind()));
                    None
                }
            },
            (None, None) => None,
        }
    }

    /// Whether a fault of this variable was noted.
    #[must_use]
    pub fn is_faulty(&self, name: &str) -> bool {
        self.faults.iter().any(|fault| fault.variable.starts_with(name))
    }

    /// Our variables that nobody has read so far.
    #[must_use]
    pub fn unknown(&self) -> Vec<String> {
        let is_stray = |name: &String| {
            name.starts_with("CAREPOST_")
                && !self.known.contains(name)
                && !FOREIGN.iter().any(|prefix| name.starts_with(prefix))
        };
        let mut names: Vec<String> = self.env.names().into_iter().filter(is_stray).collect();
        names.sort();
        names
    }

    /// The names that were read.
    #[must_use]
    pub fn known(&self) -> &BTreeSet<String> {
        &self.known
    }

    /// All faults, if there are any.
    ///
    /// # Errors
    /// The faults.
    pub fn finish(self) -> Result<(), Vec<Fault>> {
        if self.faults.is_empty() { Ok(()) } else { Err(self.faults) }
    }
}

/// Whether this process runs as root.
#[must_use]
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    // A process owns its own folder there, which spares a call into libc.
    std::fs::metadata("/proc/self").is_ok_and(|myself| myself.uid() == 0)
}
