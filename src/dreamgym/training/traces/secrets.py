"""Secrets in traces, masked: what opens a door if somebody reads the data later.

Each becomes ``<KIND 1>``, numbered within its trace, so that what was the same stays the same and nothing of
it is left. E-mail addresses, names and numbers are no secrets in this sense: tools are asked by them.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import partial

# The first pattern that fits takes it; a group named ``s`` is the secret, else the whole match is.
_PATTERNS: tuple[tuple[str, str], ...] = (
    (
        "private key",
        r"-----BEGIN [A-Z ]*PRIVATE KEY( BLOCK)?-----.*?(-----END [A-Z ]*PRIVATE KEY( BLOCK)?-----|\Z)",
    ),
    ("password in a URL", r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@\"']{0,256}:(?P<s>[^\s/@\"']{1,256})@"),
    ("Anthropic key", r"\bsk-ant-[A-Za-z0-9_-]{8,}"),
    ("OpenAI key", r"\bsk-(?:proj-|svcacct-|admin-|or-v1-)?[A-Za-z0-9_-]{16,}"),
    ("AWS key", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
    ("GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})"),
    ("GitLab token", r"\bglpat-[A-Za-z0-9_-]{16,}"),
    ("Slack token", r"\b(?:xox[abeoprs]-[A-Za-z0-9-]{8,}|xapp-[A-Za-z0-9-]{8,})"),
    ("Slack webhook", r"\bhooks\.slack\.com/services/(?P<s>[A-Za-z0-9/]{12,})"),
    ("Hugging Face token", r"\bhf_[A-Za-z0-9]{16,}"),
    ("Google key", r"\bAIza[A-Za-z0-9_-]{30,}"),
    ("Stripe key", r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{10,}"),
    ("JSON web token", r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*"),
    ("bearer token", r"(?i)\bbearer\s+(?P<s>[A-Za-z0-9._~+/=-]{8,})"),
    ("basic credentials", r"(?i)\bauthorization[\"']?\s*[:=]\s*[\"']?basic\s+(?P<s>[A-Za-z0-9+/=]{6,})"),
    (
        "password",
        r"(?i)\b(?:[a-z0-9]{1,30}[_-]){0,4}(?:password|passwd|passphrase|pwd|secret|api[_-]?key|apikey|"
        r"(?:access|auth|refresh|session|bot)[_-]?token|(?:private|secret|access)[_-]key)\b"
        r"\\{0,3}[\"']?\s{0,3}[:=]\s{0,3}\\{0,3}[\"']?(?P<s>[^\s\"'\\,;&<>(){}\[\]]{4,512})",
    ),
)
_ANY = tuple((kind, re.compile(pattern, re.DOTALL)) for kind, pattern in _PATTERNS)


@dataclass(slots=True)
class Mask:
    """Masks the texts of one trace; ``found`` counts what it met, by kind."""

    found: Counter[str] = field(default_factory=Counter)
    _names: dict[tuple[str, str], str] = field(default_factory=dict)

    def __call__(self, text: str) -> str:
        """``text`` without its secrets."""
        for kind, pattern in _ANY:
            text = pattern.sub(partial(self._masked, kind), text)
        return text

    def _masked(self, kind: str, match: re.Match[str]) -> str:
        group = "s" if "s" in match.re.groupindex else 0
        secret, whole = match[group], match[0]
        self.found[kind] += 1
        number = 1 + sum(known == kind for known, _ in self._names)
        name = self._names.setdefault((kind, secret), f"<{kind} {number}>")
        start = match.start(group) - match.start()
        return f"{whole[:start]}{name}{whole[start + len(secret):]}"
