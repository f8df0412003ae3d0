"""A real Chromium, driven by Playwright: shared by episodes, shut in."""
