"""Reports: facts gathered at one moment, drawn in another process, stored locked and served again."""
