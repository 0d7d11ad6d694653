"""Many adapters of one source in one generator: rows of scale and shift, chosen by domain."""

from .bank import SOURCE, DomainBank
from .domain import Domain

__all__ = ["SOURCE", "Domain", "DomainBank"]
