"""Other APIs over the same people: each translates at the edge, and calls the same operations."""
