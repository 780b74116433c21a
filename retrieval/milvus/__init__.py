"""Published indexes in Milvus: the vectors and the words of many collections, on other machines than this one.

The catalog stays the record. What Milvus holds is fed from it, can be emptied at any time, and is then fed again.
`pymilvus` is the extra `milvus`, imported when a connection is made.
"""

from retrieval.milvus.index import MilvusIndex
from retrieval.milvus.store import MilvusOptions, MilvusStore

__all__ = ["MilvusIndex", "MilvusOptions", "MilvusStore"]
