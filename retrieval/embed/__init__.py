"""Text to vectors. Importing this package is light: what runs models arrives when `load_embedder` is called."""

from retrieval.embed.base import Embedder, EncodeKind
from retrieval.embed.hashing import HashingEmbedder
from retrieval.embed.load import DEFAULT_MODEL, load_embedder
from retrieval.embed.query import QueryEncoder

__all__ = ["DEFAULT_MODEL", "Embedder", "EncodeKind", "HashingEmbedder", "QueryEncoder", "load_embedder"]
