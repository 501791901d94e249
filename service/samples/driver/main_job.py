"""The seven steps of the main job, in order."""

from collections.abc import Callable, Iterator
from typing import Any

from service.samples.driver.complaining import complain
from service.samples.driver.deciding import decide
from service.samples.driver.freezing import freeze
from service.samples.driver.ordering import order_and_deliver
from service.samples.driver.registering import register
from service.samples.driver.releasing import release
from service.samples.driver.reporting import report
from service.samples.driver.stage import Stage, Step

STEPS: tuple[tuple[str, Callable[[Stage, Step], Any]], ...] = (
    ("A seller registers goods", register),
    ("Orders are paid, shipped and delivered", order_and_deliver),
    ("A buyer complains, and the batch is found", complain),
    ("They disagree, and a mediator rules", decide),
    ("An undisputed payment is released by itself", release),
    ("The third complaint freezes the batch", freeze),
    ("A regulator downloads the dossier", report),
)


def drive(stage: Stage) -> Iterator[Step]:
    """Do the steps one after the other, and yield each when it is done. Raises what a step raises."""
    for number, (title, work) in enumerate(STEPS, start=1):
        step = Step(number, title)
        work(stage, step)
        yield step
