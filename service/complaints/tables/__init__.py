"""Tables of complaints. What may still change once a complaint was sent is in `60_complaints.sql` and `0002_70`."""

from service.complaints.tables.cases import Complaint, ComplaintEntry, ComplaintEntryText, ComplaintText
from service.complaints.tables.evidence import ComplaintEvidence, ComplaintEvidenceRemoval
from service.complaints.tables.matches import ComplaintMatch
from service.complaints.tables.offers import Offer

__all__ = [
    "Complaint",
    "ComplaintEntry",
    "ComplaintEntryText",
    "ComplaintEvidence",
    "ComplaintEvidenceRemoval",
    "ComplaintMatch",
    "ComplaintText",
    "Offer",
]
