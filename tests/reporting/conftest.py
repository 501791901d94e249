"""Reports are about the street of recalls: its shop, its buyers and their complaints."""

from tests.recalls.conftest import street

__all__ = ["street"]
