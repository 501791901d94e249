"""The `fairhold` command."""
