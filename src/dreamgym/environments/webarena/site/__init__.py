"""A small web site of our own: a shop, its admin page and a forum, on a database per episode."""
