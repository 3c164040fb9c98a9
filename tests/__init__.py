"""The tests: unit, app, host, browser, live, conformance."""
