"""Background work: Celery carries the wake-ups, the catalog holds the truth, spawned processes do what is heavy."""
