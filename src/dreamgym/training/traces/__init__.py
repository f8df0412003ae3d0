"""Users' own traces: files of other programs, read into our trajectories."""
