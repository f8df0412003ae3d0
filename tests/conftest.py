"""Tests run small models, often beside other processes: one thread each is fastest and steadiest."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported
