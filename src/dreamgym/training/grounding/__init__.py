"""What grounds the dream: the experience model with each of its aids, and without it."""
