"""Environments in processes of their own: what hangs or crashes there ends one episode, not the run."""
