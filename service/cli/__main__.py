"""`python -m service.cli` is the `fairhold` command."""

from service.cli.main import main

main()
