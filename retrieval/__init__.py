"""Facts: documents in, passages out. Knows nothing of HTTP, Redis, Celery, policies or votes."""
