"""Pages in a real browser, at the real server: ``make test-browser``."""
