"""The history as a page for people: HTML that reads without script, and with one is live and loads on."""
