"""Tests of the worker that proves a log, and of what checks it."""
