//! Room: templates, their versions and variants, rendering, and the library.
//!
//! Purpose: says what a message looks like on each channel and in each language, checks that before it is stored, and
//! renders it with a recipient's values.
//!
//! Invariants:
//! - **TPL-A** A version never changes. Every save is a new one; former ones stay renderable (TPL-006, TPL-010).
//! - **TPL-B** What is not declared is not rendered: names, kinds and helpers are checked on save, with line and column
//!   (TPL-005, TPL-009).
//! - **TPL-C** Rendering ends: source, depth, loops, steps and output are bounded, whatever a practice wrote.
//! - **TPL-D** HTML is cleaned before it is stored in memory, and every value is escaped for its channel.
//! - **TPL-E** Marketing without a way out cannot be published (CON-013), nor email without practice and postal address
//!   (CON-014).
//! - **TPL-F** The library is read through: a practice's change makes a copy of its own (TPL-011, TPL-012).
//! - **DEL-9** Values are never in an error, a log or `Debug`.
//!
//! Deliberately absent: who may receive what (see `consent`), health information in texts (see `guard`), sending.

mod commands;
pub mod error;
pub mod events;
pub mod library;
pub mod metrics;
mod reads;
mod renderer;
pub mod rules;
mod store;
pub mod types;

pub use commands::{
    Author, archive_template, copy_template, create_template, publish_template, restore_version, take_template,
    update_template,
};
pub use error::{Fault, RenderError, TemplateError};
pub use reads::{get_template, get_version, list_history, list_templates, list_versions};
pub use renderer::{Ready, Renderer};
pub use rules::{CompiledTemplate, RenderInput, Rendered, Values};
