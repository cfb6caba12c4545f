"""The command `tracklog`, also `python -m tracklog`."""

from tracklog.cli.commands import tracklog


def main() -> None:
    """Run the command line; ends the process with its exit code."""
    tracklog(prog_name="tracklog")


if __name__ == "__main__":
    main()
