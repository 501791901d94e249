"""Reports as PDF: frozen facts in, bytes out. A leaf package: it knows nothing of the service around it."""
