"""``dreamgym annotate``: a teacher writes the reasoning R* of offline trajectories (paper App. C.1)."""
