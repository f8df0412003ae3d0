"""Our own site without a browser: the same pages, texts and outcomes, to judge dreams by."""
