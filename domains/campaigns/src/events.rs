//! What the room tells others: nothing of its own. The engine's events of its messages tell of each delivery, and carry
//! the bulk send in what a message is about.
