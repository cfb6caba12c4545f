"""Tests of the commands about roles and grants."""
