"""Commands about label schemas."""
