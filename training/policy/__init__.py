"""The policy: the model that answers. Importing this package loads no model library."""
