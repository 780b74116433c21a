"""Who may do what: API keys with roles, and the principals by which collections are opened to people."""

from service.access.keys import ApiKey, KeyStore
from service.access.principal import Principal, Role
from service.access.require import require

__all__ = ["ApiKey", "KeyStore", "Principal", "Role", "require"]
