"""A client of a running Groundloop, over HTTP: what the command line and the first start use."""
