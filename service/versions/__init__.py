"""Serving a version: what answers now, and how the next one takes over without a request noticing.

served      one loaded version, and what a request is given of it
snapshot    everything that serves at one moment: per scope champion and candidate, and what may be pinned
lease       keeps a snapshot's versions loaded while somebody answers with them
"""
