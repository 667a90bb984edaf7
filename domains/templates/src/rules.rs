//! Pure decisions of the room: what a template may say, what it costs at most, and what it renders to.

mod checks;
mod clean;
mod compile;
mod dates;
mod declarations;
mod diff;
mod expression;
mod helpers;
mod html;
mod layouts;
mod limits;
mod markup;
mod render;
mod tags;
mod values;
mod walk;

pub use checks::{check, check_meta, publish_faults, validate};
pub use compile::{CompiledTemplate, compile};
pub use diff::diff;
pub use limits::{LOOP_ROUNDS, RENDERED_BYTES, SOURCE_BYTES, VALUE_BYTES};
pub use render::{RenderInput, Rendered};
pub use values::{BUILT_IN, Values, samples};
