"""What the processes log, and how."""

import structlog

from service.settings import Settings


def configure_logs(settings: Settings) -> None:
    """Log one JSON line an event, with the time; never request bodies."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level.upper()),
    )
