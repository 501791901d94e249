"""Orders: placed by a platform, paid into a hold, shipped, delivered, claimed by the buyer. Calls escrow."""
