//! Records and states of the room.
