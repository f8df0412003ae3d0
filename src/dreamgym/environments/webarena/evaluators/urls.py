"""``url_match``: WebArena's rule "GOLD in PRED"."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from dreamgym.environments.webarena.evaluators.strings import OR


def url_matches(reference: str, found: str) -> bool:
    """One of the reference's places is in the page's, and each of its fields has one of its values there."""
    places, wanted = [], dict[str, set[str]]()
    for url in reference.split(OR):
        place, fields = _parsed(url)
        places.append(place)
        for name, values in fields.items():
            wanted.setdefault(name, set()).update(values)
    here, given = _parsed(found)
    return any(place in here for place in places) and all(
        values & set(given.get(name, ())) for name, values in wanted.items()
    )


def _parsed(url: str) -> tuple[str, dict[str, list[str]]]:
    parts = urlsplit(url.strip().rstrip("/"))
    return parts.netloc + parts.path, parse_qs(parts.query)
