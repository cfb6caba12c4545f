"""The reverse proxy before the roles: its configuration, made from the table of routes."""
