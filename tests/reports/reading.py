"""Reading a PDF back as text."""

import io
import re

from pypdf import PdfReader


def text_of(pdf: bytes | PdfReader) -> str:
    """Return all text of a PDF, with every run of white space as one space."""
    reader = PdfReader(io.BytesIO(pdf)) if isinstance(pdf, bytes) else pdf
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in reader.pages))


def pressed(text: str) -> str:
    """Return text without any white space: Chinese lines break anywhere."""
    return re.sub(r"\s+", "", text)
