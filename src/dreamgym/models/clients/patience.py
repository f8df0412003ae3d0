"""How long to wait before a call is tried again."""

from __future__ import annotations

from random import Random

from dreamgym.models.clients.endpoint_faults import Fault

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # seconds
LONGEST_ASKED = 600.0  # a server that asks for more is not waited for


class Patience:
    """Exponential backoff with full jitter: callers that failed together do not come back together."""

    def __init__(self, retries: int, rng: Random) -> None:
        self._retries = retries
        self._rng = rng

    def wait(self, fault: Fault, tries: int) -> float | None:
        """Seconds before the next try, after ``tries`` that failed; None where there shall be none.

        At least what the server asked for in ``Retry-After``, and a jitter on top.
        """
        asked = fault.retry_after or 0.0
        if not fault.kind.is_mendable or tries > self._retries or asked > LONGEST_ASKED:
            return None
        most = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (tries - 1))
        return asked + self._rng.uniform(0.0, FIRST_WAIT if asked else most)
