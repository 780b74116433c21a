"""Every socket: HTTP, Redis, Celery, the command line. Composes the floors below."""
