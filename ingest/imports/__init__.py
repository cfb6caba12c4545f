"""Events that were first elsewhere, brought in with their ids, times and actors."""
