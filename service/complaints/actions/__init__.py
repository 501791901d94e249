"""The use cases of complaints, one function each."""

from service.complaints.actions.answering import accept_claim, answer
from service.complaints.actions.course import (
    close,
    mark_disputed,
    mark_ruled,
    mark_settled,
    record_view,
    return_to_parties,
    withdraw,
)
from service.complaints.actions.deploying import Deployed, deploy_model, keep_model
from service.complaints.actions.drafts import create_draft, update_draft
from service.complaints.actions.entries import add_entry
from service.complaints.actions.linking import link_batch, suggestions
from service.complaints.actions.merging import join
from service.complaints.actions.offers import accept_offer, make_offer, refuse_offer
from service.complaints.actions.submission import submit
from service.complaints.actions.triage import triage
from service.complaints.actions.tries import match_complaint, match_complaints

__all__ = [
    "Deployed",
    "accept_claim",
    "accept_offer",
    "add_entry",
    "answer",
    "close",
    "create_draft",
    "deploy_model",
    "join",
    "keep_model",
    "link_batch",
    "make_offer",
    "mark_disputed",
    "mark_ruled",
    "mark_settled",
    "match_complaint",
    "match_complaints",
    "record_view",
    "refuse_offer",
    "return_to_parties",
    "submit",
    "suggestions",
    "triage",
    "update_draft",
    "withdraw",
]
