"""A stored file as an HTTP answer: never sniffed, never run, and named by its id."""

from litestar import Response

from service.files.reading import Part, Ticket

VIEW_SECONDS = 300
"""How long a browser may show a view again without asking; the view was recorded when it was asked for."""


def file_answer(content: bytes, ticket: Ticket) -> Response[bytes]:
    """Return the answer with what `reading.fetch` gave for the ticket."""
    is_original = ticket.part is Part.ORIGINAL
    name = f"{ticket.file_id}-{ticket.part}.{ticket.media_type.rpartition('/')[2]}"
    return Response(
        content,
        media_type=ticket.media_type,
        headers={
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "private, no-store" if is_original else f"private, max-age={VIEW_SECONDS}",
            "Content-Disposition": f'{"attachment" if is_original else "inline"}; filename="{name}"',
        },
    )
