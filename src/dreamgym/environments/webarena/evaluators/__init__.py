"""WebArena's evaluators: what the agent said, where it is, what the pages show."""
