"""Tests of `event_log` that need no service."""
