"""Dreams that lie on purpose, each in one way, to try on them what is meant to notice."""
