"""`groundloop up`: one process that starts, watches and stops everything a home needs on one machine."""
