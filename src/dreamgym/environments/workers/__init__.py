"""Environments in processes of their own: what blocks, hangs or crashes there ends one episode, not the run."""
