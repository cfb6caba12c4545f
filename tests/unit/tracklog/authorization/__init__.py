"""Tests of tracklog.authorization."""
