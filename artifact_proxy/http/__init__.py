"""The routes of artifacts: what comes in a request, and what is answered."""
