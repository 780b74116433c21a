"""Names of what is kept of voters in Redis.

gl:voters            sorted set  every voter, by the time in ms of the last judgement (written with it)
gl:voters:excluded   hash        voter -> JSON {"reason", "at", "by"}: kept out of training by an operator
gl:voters:judged     hash        voter -> JSON: what the newest cycle found of the voter (`training/datasets/people.py`)
"""

from __future__ import annotations

VOTERS = "gl:voters"
EXCLUDED = "gl:voters:excluded"
JUDGED = "gl:voters:judged"
