"""The derived indexes: published generations (FAISS and tantivy), and what changed since they were made.

Everything here can be deleted and built again from the catalog.
"""
