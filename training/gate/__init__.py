"""May the candidate serve: checks with estimates and intervals, and a verdict."""
