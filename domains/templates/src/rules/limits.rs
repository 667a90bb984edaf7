//! What a template may cost: each of its texts, the whole of it, and one rendering.

/// Bytes of one text of a template.
pub const SOURCE_BYTES: usize = 64 << 10;
/// Bytes of a text with its partials put in.
pub(crate) const EXPANDED_BYTES: usize = 256 << 10;
/// Bytes of one rendered text.
pub const RENDERED_BYTES: usize = 256 << 10;
/// Declared variables.
pub(crate) const VARIABLES: usize = 100;
/// Partials of a template's own.
pub(crate) const PARTIALS: usize = 20;
/// Places where partials are put in, those in partials included.
pub(crate) const PARTIAL_USES: usize = 50;
/// Tags of one text.
pub(crate) const TAGS: usize = 2_000;
/// Bytes of one tag.
pub(crate) const TAG_BYTES: usize = 1 << 10;
/// Blocks in blocks. The parser and the renderer call themselves for each: without a bound a text could end the process.
pub(crate) const BLOCK_DEPTH: usize = 10;
/// Branches of one block; each is a block in the one before it.
pub(crate) const BRANCHES: usize = 16;
/// Helpers in helpers, in one tag.
pub(crate) const HELPER_DEPTH: usize = 4;
/// HTML elements in elements.
pub(crate) const ELEMENT_DEPTH: usize = 100;
/// Rounds of one loop: entries of a list.
pub const LOOP_ROUNDS: usize = 1_000;
/// Elements of a template that one rendering runs through: a few milliseconds.
pub(crate) const RENDER_STEPS: u32 = 50_000;
/// Bytes of all values of one rendering.
pub const VALUE_BYTES: usize = 128 << 10;
