"""Learning: judged answers in, a better model out. Home of the policy. Knows nothing of HTTP, Redis or Celery."""
