//! Metrics of the room. Labels are enums, never ids.
