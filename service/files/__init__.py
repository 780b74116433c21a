"""Documents over HTTP, in OpenAI's shapes: files, vector stores (collections), search, batches, and ingestion jobs."""
