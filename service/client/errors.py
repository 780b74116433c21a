"""What can go wrong when talking to a server, in the words of the command line.

ClientError
├── Unavailable     nothing answers at that address, or a part of the server is down      exit 3
├── Refused         the server says no: bad key, bad input, no such thing                 exit 1
└── Clash           the state forbids it: a name is taken, a home is already running      exit 4
"""

from __future__ import annotations


class ClientError(Exception):
    """Base of every error a command ends with; `exit_code` is what the shell sees."""

    exit_code = 1


class Unavailable(ClientError):
    """Nothing answers, or a part of the server is down."""

    exit_code = 3


class Refused(ClientError):
    """The server understood and said no."""


class Clash(ClientError):
    """The present state forbids it."""

    exit_code = 4
