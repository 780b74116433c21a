"""Chat: OpenAI's chat completions over the documents the caller may read, with verified citations."""
