"""WebShop: search a catalogue, open items, choose options, buy what was asked for."""
