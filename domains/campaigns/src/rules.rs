//! Pure decisions of the room.

pub mod compose;
pub mod fill;
pub mod judge;
pub mod life;
pub mod lines;
pub mod once;
pub mod plan;
