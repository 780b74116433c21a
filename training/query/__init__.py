"""Retrieval learns too: marks on evidence move the vectors of questions, never those of documents."""
