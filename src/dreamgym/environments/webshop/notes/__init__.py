"""What episodes of a generated shop show: the sheet that a dream starts from, and each turn's reasoning."""
