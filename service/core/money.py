"""Money: an integer amount in minor units with its ISO 4217 currency. Nothing is ever a float."""

from dataclasses import dataclass
from decimal import Decimal

from service.core.errors import Invalid

AMOUNT_MINOR_MAX = 10**15  # far below bigint, so that sums of thousands of rows cannot overflow
BASIS_POINTS = 10_000
_FIGURES_MAX = len(str(AMOUNT_MINOR_MAX))

# ISO 4217:2024, active codes. Two decimals unless named here.
_THREE_DECIMALS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())
_NO_DECIMALS = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split())
_TWO_DECIMALS = frozenset(
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY "
    "COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS "
    "INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR "
    "MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD "
    "SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW ZWG".split()
)
CURRENCIES = _TWO_DECIMALS | _NO_DECIMALS | _THREE_DECIMALS


def decimals(currency: str) -> int:
    """Return how many decimals a currency's major unit has; raises `Invalid` ("currency_unknown")."""
    if currency in _TWO_DECIMALS:
        return 2
    if currency in _NO_DECIMALS:
        return 0
    if currency in _THREE_DECIMALS:
        return 3
    raise Invalid("currency_unknown", "not an active ISO 4217 code", currency=currency)


@dataclass(frozen=True, slots=True)
class Money:
    """A non-negative amount in one currency; `amount_minor` counts the currency's smallest unit."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        decimals(self.currency)
        if isinstance(self.amount_minor, bool) or not isinstance(self.amount_minor, int):
            raise Invalid("amount_not_whole", "an amount is a whole number of minor units")
        if not 0 <= self.amount_minor <= AMOUNT_MINOR_MAX:
            raise Invalid("amount_out_of_range", "an amount is from 0 to 10^15 minor units")

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount_minor + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount_minor - self._same(other), self.currency)

    @property
    def major(self) -> Decimal:
        """The amount in major units, exact."""
        return Decimal(self.amount_minor).scaleb(-decimals(self.currency))

    def share_down(self, basis_points: int) -> "Money":
        """Return the share of `basis_points` (0 to 10,000) of this, rounded down: whoever gets the rest gains."""
        if not 0 <= basis_points <= BASIS_POINTS:
            raise Invalid("share_out_of_range", "a share is from 0 to 10,000 basis points", basis_points=basis_points)
        return Money(self.amount_minor * basis_points // BASIS_POINTS, self.currency)

    def _same(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise Invalid("currency_mismatch", "amounts of two currencies do not add up")
        return other.amount_minor


def parse_major(text: str, currency: str) -> Money:
    """Return the money a person typed in major units ("360.5", "1,200").

    More decimals than the currency has are refused, never rounded. Raises `Invalid` ("amount_malformed"), and
    ("amount_out_of_range") above 10^15 minor units.
    """
    cleaned = text.strip().replace(",", "").replace("，", "")
    whole, point, fraction = cleaned.partition(".")
    places = decimals(currency)
    if not whole.isascii() or not whole.isdigit() or (point and not (fraction.isascii() and fraction.isdigit())):
        raise Invalid("amount_malformed", "an amount has figures and at most one point")
    if len(whole) > _FIGURES_MAX:  # before it is made a number: Python reads no number of thousands of figures
        raise Invalid("amount_out_of_range", "an amount is from 0 to 10^15 minor units")
    if len(fraction) > places:
        raise Invalid("amount_malformed", f"{currency} has {places} decimals", decimals=places)
    return Money(int(whole + fraction.ljust(places, "0")), currency)
