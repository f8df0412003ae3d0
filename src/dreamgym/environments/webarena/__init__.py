"""WebArena: tasks of web sites in a real browser, a small site of our own among them."""
