"""Reads about complaints. The actor's filter is in every query that answers a person."""

from service.complaints.queries.access import get_row, side_of, visible_to
from service.complaints.queries.case import available_actions, get_complaint
from service.complaints.queries.complainants import Complainant, complainants_of
from service.complaints.queries.desks import (
    SellerView,
    Week,
    case_ids,
    complaints_by_batch,
    count_to_look_at,
    first_words,
    published_problems,
    seller_counts,
    seller_inbox,
    to_look_at,
    weekly,
)
from service.complaints.queries.facts import (
    CaseFacts,
    LinkedComplaint,
    batches_of,
    case_facts,
    cases_of_holds,
    linked_complaints,
    placed_by_photos,
)
from service.complaints.queries.keeping import get_keeping
from service.complaints.queries.lists import Filters, complaints_page, find_by_reference
from service.complaints.queries.parts import case_of_file
from service.complaints.queries.timeline import case_timeline

__all__ = [
    "CaseFacts",
    "Complainant",
    "Filters",
    "LinkedComplaint",
    "SellerView",
    "Week",
    "available_actions",
    "batches_of",
    "case_facts",
    "case_ids",
    "case_of_file",
    "case_timeline",
    "cases_of_holds",
    "complainants_of",
    "complaints_by_batch",
    "complaints_page",
    "count_to_look_at",
    "find_by_reference",
    "first_words",
    "get_complaint",
    "get_keeping",
    "get_row",
    "linked_complaints",
    "placed_by_photos",
    "published_problems",
    "seller_counts",
    "seller_inbox",
    "side_of",
    "to_look_at",
    "visible_to",
    "weekly",
]
