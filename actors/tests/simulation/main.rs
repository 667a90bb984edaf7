//! The delivery rules and the actors in worlds of virtual time and seeded faults. `docs/actors.md` says how it works.

#![expect(clippy::unwrap_used, clippy::panic, reason = "all of this crate is tests, helpers included")]

mod book;
mod chaos;
mod differential;
mod model;
mod plants;
mod process;
mod properties;
mod run;
mod seeds;
mod storage;
mod traffic;
mod vendor;
mod weather;
mod world;
