//! Holds no code: the benches beside this crate are its content.
