"""The command line, and the wiring of roles into processes."""

PUBLIC_MODULES = ()
"""None that other packages may import: it is what puts them together. Its public side is the command line."""
