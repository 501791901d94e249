"""Shapes that every part's JSON shares."""

from typing import Annotated, Generic, TypeVar

import msgspec

from service.core.money import AMOUNT_MINOR_MAX, Money

Row = TypeVar("Row")


class MoneyView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An amount in minor units with its ISO 4217 currency."""

    amount_minor: Annotated[int, msgspec.Meta(ge=0, le=AMOUNT_MINOR_MAX, examples=[48000])]
    currency: Annotated[str, msgspec.Meta(max_length=3, pattern="^[A-Z]{3}$", examples=["CNY"])]

    @classmethod
    def of(cls, money: Money) -> "MoneyView":
        """Return the view of a money value."""
        return cls(money.amount_minor, money.currency)

    def money(self) -> Money:
        """Return the value; raises `Invalid` ("currency_unknown")."""
        return Money(self.amount_minor, self.currency)


class PageMeta(msgspec.Struct, frozen=True):
    """What a list says about itself: `next` is the mark to pass as `after`, or null at the end."""

    next: str | None


class PageOf(msgspec.Struct, Generic[Row], frozen=True):
    """A page of a list."""

    data: list[Row]
    meta: PageMeta
