//! The arithmetic of the group commit: when a batch is full enough or old enough to be written.
//!
//! Pure: no clock, no IO, no actor. The actors that own a [`Batcher`] ask it after each push and on their timer.

use std::time::Duration;

/// When to stop collecting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchPolicy {
    /// Write at this many rows.
    pub max_rows: usize,
    /// Write at this many bytes, counted by the caller.
    pub max_bytes: usize,
    /// Write at the latest this long after the first row.
    pub linger: Duration,
}

impl Default for BatchPolicy {
    /// 1,000 rows, 4 MiB, 1 ms: where commits per second stop to matter and statements do not grow unwieldy yet.
    fn default() -> Self {
        Self { max_rows: 1_000, max_bytes: 4 * 1024 * 1024, linger: Duration::from_millis(1) }
    }
}

/// Collects rows for one commit, in the order of their coming.
#[derive(Debug)]
pub struct Batcher<T> {
    policy: BatchPolicy,
    rows: Vec<(T, usize)>,
    bytes: usize,
}

impl<T> Batcher<T> {
    /// An empty one.
    #[must_use]
    pub const fn new(policy: BatchPolicy) -> Self {
        Self { policy, rows: Vec::new(), bytes: 0 }
    }

    /// Adds a row of `bytes` bytes; returns whether the batch is full now.
    pub fn push(&mut self, row: T, bytes: usize) -> bool {
        self.rows.push((row, bytes));
        self.bytes = self.bytes.saturating_add(bytes);
        self.is_full()
    }

    /// Whether a batch should be written `waited` after its first row came.
    #[must_use]
    pub fn is_ready(&self, waited: Duration) -> bool {
        self.is_full() || (!self.is_empty() && waited >= self.policy.linger)
    }

    /// Whether rows or bytes reach the policy's bound.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.rows.len() >= self.policy.max_rows || self.bytes >= self.policy.max_bytes
    }

    /// Takes the first rows, as many as the policy allows but at least one; what is over stays for the next batch.
    #[must_use]
    pub fn take(&mut self) -> Vec<T> {
        let mut bytes = 0_usize;
        let fits = |(_, size): &&(T, usize)| {
            let fits = bytes < self.policy.max_bytes;
            bytes = bytes.saturating_add(*size);
            fits
        };
        let count = self.rows.iter().take(self.policy.max_rows.max(1)).take_while(fits).count().max(1);
        let count = count.min(self.rows.len());
        let waiting = &mut self.bytes;
        let unpacked = |(row, size)| {
            *waiting = waiting.saturating_sub(size);
            row
        };
        self.rows.drain(..count).map(unpacked).collect()
    }

    /// How many rows wait.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether none waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many bytes wait.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> &BatchPolicy {
        &self.policy
    }
}

#[cfg(test)]
mod tests;
