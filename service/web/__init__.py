"""The web page: the files that a browser gets, and the routes that give them out."""
