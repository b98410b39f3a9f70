"""``python -m jobdesk``: the command line."""

from jobdesk.cli.main import main

main()
