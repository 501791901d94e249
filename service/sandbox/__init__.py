"""A payment provider and a carrier as processes of their own, which fail in realistic ways (docs/gateway.md)."""
