"""What `make` runs before there is an environment: nothing here imports more than Python itself."""
