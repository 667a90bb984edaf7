//! Typed functions over this room's SQL: one for each file in `sql/`.
