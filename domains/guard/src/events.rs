//! What the room tells others: nothing. A verdict goes back to the gate that asked, and the gate stores it.
