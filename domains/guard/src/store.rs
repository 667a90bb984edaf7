//! The room's rows: none. The dictionary is compiled in; a tenant's own terms are part of its policy, which another room
//! keeps.
