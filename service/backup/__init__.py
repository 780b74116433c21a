"""Backups of a whole home, taken while it serves, and homes made from them.

A backup is one published directory: `manifest.json` names every file with its SHA-256.

`record.log`  the record in Redis, item by item as in a journal
`state.log`   every other key worth keeping
`home/...`    the home folder, but for what is made again: indexes, caches, logs, Redis's own files and the journal
"""

RECORD = "record.log"
STATE = "state.log"
HOME = "home"
