"""`python -m service.cli` is `groundloop`."""

from service.cli import main

main()
