"""Our own Redis: starting it, checking that it keeps what it acknowledges, and clients for it."""
