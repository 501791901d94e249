"""What the print on a photo says: barcodes and text, read in a process of its own, offered and never silently used."""
