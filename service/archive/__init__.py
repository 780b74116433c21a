"""Copies of the record outside Redis: the journal, which follows it by moments, and the archive of what is old.

`journal`  framed files in the home folder: everything acknowledged, until the archive holds it (`tail` writes it)
`archive`  Parquet in monthly folders on disk or in an object store: what is old, gone from Redis
`rebuild`  both of them back into a Redis that lost its data
"""
