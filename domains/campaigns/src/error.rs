//! Why something of the room failed. No text holds a value, a name or an address.
