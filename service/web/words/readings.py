"""What was read on photos: kinds of readings, where they come from, and codes of which only the kind is kept."""

from service.web.words.mark import N_

READINGS: dict[str, str] = {
    "reading.lot": N_("Lot code"),
    "reading.gtin": N_("Number of the barcode"),
    "reading.made_on": N_("Made on"),
    "reading.expiry": N_("Expiry date"),
    "reading.serial": N_("Serial number"),
    "reading.url": N_("The maker’s page"),
    "read_from.code": N_("from a barcode"),
    "read_from.print": N_("from the print"),
    "unread.payment": N_("a payment code"),
    "unread.contact": N_("a code with contact data"),
    "unread.network": N_("a code for a network"),
    "unread.web_address": N_("a code with a web address"),
    "unread.number": N_("a code with a number of another kind"),
    "unread.text": N_("a code with a text"),
    "unread.check_digit_wrong": N_("a barcode whose check digit is wrong"),
}
