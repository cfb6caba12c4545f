"""Where artifacts are kept: the port, what its adapters share, a folder for each family of stores."""
