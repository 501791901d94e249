"""Fairhold: complaints traced to their batch, payments held until the window has passed."""
