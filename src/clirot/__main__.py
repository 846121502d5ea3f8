"""``clirot`` and ``python -m clirot``."""

import sys


def main() -> None:
    """Run the command line; an interrupt while it is being imported ends it in words too."""
    try:
        from clirot.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
