"""``python -m clirot``."""

from clirot.cli import main

main()
