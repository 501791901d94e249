"""Tables of complaints. What may still change once a complaint was sent is in `60_complaints.sql` and `0002_70`."""

from service.complaints.tables.cases import Complaint, ComplaintEntry, ComplaintEntryText, ComplaintText
from service.complaints.tables.challenges import Challenge, ChallengeText
from service.complaints.tables.evidence import ComplaintEvidence, ComplaintEvidenceRemoval
from service.complaints.tables.keeping import ComplaintKeeping
from service.complaints.tables.matches import ComplaintMatch
from service.complaints.tables.models import MatchingDeployment, MatchingDrift, MatchingModel
from service.complaints.tables.offers import Offer
from service.complaints.tables.readings import PhotoReading, Reading
from service.complaints.tables.receipts import ReportReceipt

__all__ = [
    "Challenge",
    "ChallengeText",
    "Complaint",
    "ComplaintEntry",
    "ComplaintEntryText",
    "ComplaintEvidence",
    "ComplaintEvidenceRemoval",
    "ComplaintKeeping",
    "ComplaintMatch",
    "ComplaintText",
    "MatchingDeployment",
    "MatchingDrift",
    "MatchingModel",
    "Offer",
    "PhotoReading",
    "Reading",
    "ReportReceipt",
]
