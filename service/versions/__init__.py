"""Serving a version: what answers now, and how the next one takes over without a request noticing.

served      one loaded version, and what a request is given of it
snapshot    everything that serves at one moment: per scope champion and candidate, and what may be pinned
lease       keeps a snapshot's versions loaded while somebody answers with them
standing    what the registries say should serve
loading     policies of versions; remote: those behind a model server
follower    keeps what serves at what the registries say; following: when it looks
announce    the word that an alias was moved
moves       promote, trial, rollback; tell: who is told of it
routes      `/v1/versions`; schemas, views and figures: what it shows
"""
