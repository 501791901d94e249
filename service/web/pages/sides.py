"""What the case's pages of all sides share: both sides' photos, and photos with a code. Pure, but for the times."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from service.complaints.challenge_rules import ASKED_SIDES, LIVE, PER_SIDE_MAX, TEXT_MAX, VERDICTS
from service.complaints.challenge_schemas import ChallengeView
from service.complaints.rules import OPEN_SENT
from service.complaints.schemas import AvailableAction, ComplaintView
from service.db.session import Tx
from service.deadlines.queries import policy
from service.web.pages import casework
from service.web.phrase import say
from service.web.views.parts import Clock, Option, Side
from service.web.views.sides import NO_TIMES, AskedPhoto, Asking, ChallengeTimes, Sides

PathOf = Callable[[str, str], str]
"""The address of a part of a case, by its reference: `paths.case`, `paths.seller_case` or `paths.mediator_case`."""
ANSWER = "answer_challenge"
_VERDICTS = tuple(Option(each, say(f"verdict.{each}")) for each in VERDICTS)


def sides_of(case: ComplaintView, viewer: Side) -> Sides:
    """Return the photos of both sides; those that a mediator asked for stand with their code instead."""
    asked_for = {each.file_id for each in case.challenges}
    evidence = [each for each in case.evidence if each.file_id not in asked_for]
    packed = case.commitment
    return Sides(
        viewer=viewer,
        buyer=casework.photos(evidence, "buyer"),
        packed=casework.photos(packed.photos, "seller") if packed else (),
        seller=casework.photos(evidence, "seller"),
        committed_at=packed.committed_at if packed else None,
    )


async def challenge_times(tx: Tx, case: ComplaintView, *, now: datetime) -> ChallengeTimes:
    """Return the times of the policy in force, where the page says them: who may ask, and who has not opened yet."""
    if case.viewer != "mediator" and not any(each.status == "asked" for each in case.challenges):
        return NO_TIMES
    wait, answer = [await policy(tx, name, now=now) for name in ("open_challenge", "answer_challenge")]
    return ChallengeTimes(int(wait.duration.total_seconds()), int(answer.duration.total_seconds()))


def asked_photos(
    case: ComplaintView, viewer: Side, path_of: PathOf, times: ChallengeTimes, *, now: datetime
) -> tuple[AskedPhoto, ...]:
    """Return the photos that mediators asked for, what the viewer has to do first, and then the newest first.

    What was taken back is shown to mediators only.
    """
    shown = [each for each in case.challenges if each.status != "withdrawn" or viewer == "mediator"]
    asked = [replace(_asked(case, each, viewer, path_of, now), times=times) for each in reversed(shown)]
    return tuple(sorted(asked, key=lambda each: not each.step))


def asking(case: ComplaintView, path_of: PathOf, times: ChallengeTimes) -> Asking | None:
    """Return the form that asks for a photo, None where its reader may ask nobody."""
    if case.viewer != "mediator" or case.status not in OPEN_SENT:
        return None
    free = [side for side in ASKED_SIDES if _may_be_asked(case, side)]
    options = tuple(Option(side, say(f"asked.{side}")) for side in free)
    return Asking(path_of(case.reference, "challenges"), options, TEXT_MAX, times) if options else None


def other_due(actions: list[AvailableAction]) -> AvailableAction | None:
    """Return the first step with a time that is not an asked photo: those have a clock of their own on the page."""
    return next((each for each in actions if each.due_at and each.action != ANSWER), None)


def verdict_place(challenge_id: UUID) -> str:
    """Return where on the page a request is judged: there can be one for each side's photo."""
    return f"verdict-{challenge_id}"


def _may_be_asked(case: ComplaintView, side: str) -> bool:
    of_side = [each for each in case.challenges if each.side == side]
    is_there = side == "buyer" or case.reached_at is not None
    return is_there and len(of_side) < PER_SIDE_MAX and not any(each.status in LIVE for each in of_side)


def _asked(case: ComplaintView, of: ChallengeView, viewer: Side, path_of: PathOf, now: datetime) -> AskedPhoto:
    side: Side = "buyer" if of.side == "buyer" else "seller"
    step = _step(case, of, viewer)
    ending = {"open": "opening", "answer": "photo", "judge": "judgement", "withdraw": "withdrawal"}.get(step, "")
    found = casework.photos([each for each in case.evidence if each.file_id == of.file_id], side)
    return AskedPhoto(
        id=str(of.id),
        side=side,
        is_mine=side == viewer,
        state=f"challenge.{of.status}",
        text=of.text or "",
        asked_at=of.asked_at,
        step=step,
        path=path_of(case.reference, f"challenges/{of.id}/{ending}") if ending else "",
        clock=_clock(of, now),
        code=of.code or "",
        photo=found[0] if found else None,
        late_at=of.late_at,
        verdict=say(f"verdict.{of.verdict}") if of.verdict else None,
        verdicts=_VERDICTS if step == "judge" else (),
        verdict_place=verdict_place(of.id) if step == "judge" else "",
    )


def _step(case: ComplaintView, of: ChallengeView, viewer: Side) -> str:
    if viewer == of.side:
        return {"asked": "open", "opened": "answer"}.get(of.status, "")
    if case.viewer != "mediator":  # a regulator reads the mediator's page, and decides nothing
        return ""
    if of.status == "answered":
        return "" if of.verdict else "judge"
    return "withdraw" if of.status in LIVE else ""


def _clock(of: ChallengeView, now: datetime) -> Clock | None:
    if of.status == "asked":
        return Clock(of.open_by, now, say("due.challenge_open"), say("expiry.recorded"))
    if of.status == "opened" and of.answer_by is not None:
        return Clock(of.answer_by, now, say("due.challenge"), say("expiry.recorded"))
    return None
