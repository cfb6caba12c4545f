"""Rules that need no service, one folder a package."""
