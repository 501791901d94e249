"""The demonstration's driver: the main job over HTTP, step by step."""

from service.samples.driver.main_job import STEPS, drive
from service.samples.driver.stage import Stage, Step, StepFailed, accounts_of

__all__ = ["STEPS", "Stage", "Step", "StepFailed", "accounts_of", "drive"]
