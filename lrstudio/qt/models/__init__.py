"""Item models over immutable rows; they never query."""
