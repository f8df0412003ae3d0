"""What episodes of our own shop show of it: the sheet that a dream starts from, and each turn's reasoning."""
