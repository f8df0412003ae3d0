"""The trust bench: dreams with planted hacks and honest ones, against everything that is meant to notice."""
