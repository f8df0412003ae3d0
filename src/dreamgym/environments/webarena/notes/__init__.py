"""What episodes of our own site show of it: the sheet that a dream starts from, and each turn's reasoning."""
