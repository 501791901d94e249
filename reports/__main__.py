"""Draw one dossier in a process of its own: `python -m reports`, a job as JSON on standard input, the PDF on output.

A job is {"facts": ..., "language": "en", "paper": "A4"} with pictures as base64 in the facts. Whatever goes wrong ends
the process with a status that is not 0.
"""

import resource
import sys
from typing import Final

import msgspec

from reports.facts import DossierFacts, Language
from reports.render import Paper, render_dossier

MEMORY_BYTES_MAX: Final = 4 * 2**30


class Job(msgspec.Struct, frozen=True):
    """What to draw."""

    facts: DossierFacts
    language: Language
    paper: Paper = "A4"


def main() -> None:
    """Read the job, draw it, write the PDF."""
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    sys.stdout.buffer.write(render_dossier(job.facts, job.language, job.paper))


if __name__ == "__main__":
    main()
