"""The real registry, and one of a million batches around it.

The generated part mirrors the real one again and again, about 22 times, each time under other names. A mirrored seller
keeps the shape of the real one: as many products and lots, the same lots under several products, siblings one character
apart, the same share of Chinese. What changes, the same way for all that is one seller's:

- its name: the first word of one real seller (or two words run together to a new one) before the rest of another's; two
  Chinese characters before the rest of another's. Every tenth keeps its real name, with other products.
- words of product names: three in four of those that are not common in names of the registry become another real word,
  drawn as often as it occurs, or one made of the halves of two; numbers become other numbers. "Tablets", "mg", "注射"
  and the like stay, and so do their places. A seller's own name within a product's follows the seller's.
- lots: each digit and letter by a permutation for its place, so that lots of one pattern keep it; dates in lots stay
  dates, moved by as many days as the batches' own.

So each generated product is hard in the way in which a real one is. No pair of seller and product is a real one or
occurs twice. Chance is seeded by round and seller: a smaller registry is the beginning of a larger one.
"""

import csv
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from string import ascii_uppercase, digits
from typing import NamedTuple

SEED = 1_000_000
COMMON_SHARE = 0.01  # of the products: a word in more of them belongs to the grammar of names
CHANGED_SHARE, COINED_SHARE, SAME_SELLER_SHARE = 0.75, 0.3, 0.1
DAYS_MAX = 700
PERMUTATIONS = 64
PLACES = 40  # of a lot that have permutations of their own
TRIES_MAX = 20
_PIECE = re.compile(r"[A-Za-z]+|[\u3400-\u9fff]+|\d+(?:[.,]\d+)*|[^A-Za-z\d\u3400-\u9fff]+")
_DAY = r"(0[1-9]|[12]\d|3[01])"
_MONTH = r"(0[1-9]|1[0-2])"
_DATE = re.compile(rf"(?<!\d)(?:(20[0-2]\d){_MONTH}{_DAY}|{_MONTH}{_DAY}(20[0-2]\d)|{_MONTH}{_DAY}([12]\d))(?!\d)")


class Batch(NamedTuple):
    """A row of registry.csv."""

    batch_id: str
    seller: str
    product_name: str
    lot_code: str
    registered_on: str
    category: str
    country: str
    product_key: str


def read_batches(path: Path) -> list[Batch]:
    """Return the rows of a registry file."""
    with path.open(encoding="utf-8", newline="") as lines:
        return [Batch(*(row[column] for column in Batch._fields)) for row in csv.DictReader(lines)]


def write_batches(path: Path, batches: Iterable[Batch]) -> None:
    """Write a registry file."""
    with path.open("w", encoding="utf-8", newline="") as lines:
        file = csv.writer(lines)
        file.writerow(Batch._fields)
        file.writerows(batches)


def around(real: Sequence[Batch], size: int, *, first_round: int = 1) -> Iterator[Batch]:
    """Yield the real batches, then generated ones until there are `size`."""
    yield from real[:size]
    left = size - len(real)
    for batch in generated(real, first_round=first_round):
        if left <= 0:
            return
        left -= 1
        yield batch


def generated(real: Sequence[Batch], *, first_round: int = 1) -> Iterator[Batch]:
    """Yield generated batches without end, a mirrored seller after the other."""
    vocabulary = Vocabulary(real)
    by_seller: dict[str, list[Batch]] = defaultdict(list)
    for batch in real:
        by_seller[batch.seller].append(batch)
    taken: dict[tuple[str, str], str] = {(batch.seller, batch.product_name): "" for batch in real}
    for turn in count(first_round):
        for seller, batches in by_seller.items():
            mirror = Mirror(seller, vocabulary, random.Random(f"{SEED} {turn} {seller}"))
            for batch in batches:
                mirrored = mirror.batch(batch, f"M{turn:02}-")
                pair = mirrored.seller, mirrored.product_name
                if taken.setdefault(pair, mirrored.product_key) == mirrored.product_key:
                    yield mirrored


class Vocabulary:
    """What names of the real registry are made of, each as often as it occurs."""

    def __init__(self, real: Iterable[Batch]) -> None:
        products = {batch.product_key: batch.product_name for batch in real}
        sellers = sorted({batch.seller for batch in real})
        self.chinese_sellers = [seller for seller in sellers if is_chinese(seller)]
        self.latin_sellers = [seller for seller in sellers if not is_chinese(seller)]
        holders: Counter[str] = Counter()
        for name in products.values():
            holders.update({_head(piece) for piece in _PIECE.findall(name)})
        self._common = {piece for piece, held in holders.items() if held > max(1, COMMON_SHARE * len(products))}
        pieces = [piece for name in products.values() for piece in _PIECE.findall(name)]
        self.words = [piece for piece in pieces if piece.isascii() and piece.isalpha() and not self.is_common(piece)]
        self.numbers = [piece for piece in pieces if piece[0].isdecimal()]
        self.pairs = [_head(piece) for piece in pieces if is_chinese(piece) and not self.is_common(piece)]
        self.letters = [_permutation(ascii_uppercase, place) for place in range(PERMUTATIONS)]
        self.digits = [_permutation(digits, place) for place in range(PERMUTATIONS)]

    def is_common(self, piece: str) -> bool:
        """Tell whether a word, or its first two Chinese characters, belongs to the grammar of names; a number never."""
        return not piece[0].isdecimal() and (len(piece) < 2 or _head(piece) in self._common)

    def word(self, chance: random.Random) -> str:
        """Return a word of the registry, or one made of the halves of two."""
        word = chance.choice(self.words)
        if chance.random() < COINED_SHARE:
            other = chance.choice(self.words)
            made = word[: len(word) // 2 + 1] + other[len(other) // 2 :].lower()
            word = made.upper() if word.isupper() else made
        return word

    def seller(self, chance: random.Random, *, chinese: bool) -> str:
        """Return a name for a seller: the beginning of one before the rest of another."""
        kin = self.chinese_sellers if chinese else self.latin_sellers
        first, other = chance.choice(kin), chance.choice(kin)
        if chinese:
            return self.pair(chance) + other[2:]
        made = self.word(chance) if chance.random() < COINED_SHARE else first.split(" ")[0]
        return " ".join([made[0].upper() + made[1:], *other.split(" ")[1:]])

    def pair(self, chance: random.Random) -> str:
        """Return two Chinese characters that begin names, not always together."""
        return chance.choice(self.pairs)[0] + chance.choice(self.pairs)[-1]


class Mirror:
    """A seller under another name, with what its words, numbers and lots turn into."""

    def __init__(self, seller: str, vocabulary: Vocabulary, chance: random.Random) -> None:
        self._vocabulary, self._chance = vocabulary, chance
        self._days = timedelta(days=chance.choice((-1, 1)) * chance.randint(1, DAYS_MAX))
        self._letters = chance.choices(vocabulary.letters, k=PLACES)
        self._digits = chance.choices(vocabulary.digits, k=PLACES)
        self._told: dict[str, str] = {}
        self._used: set[str] = set()
        self.seller = seller
        if chance.random() >= SAME_SELLER_SHARE:
            self.seller = vocabulary.seller(chance, chinese=is_chinese(seller))
        old, new = _PIECE.findall(seller), _PIECE.findall(self.seller)
        self._told[_head(old[0])] = new[0][:2] if is_chinese(new[0]) else new[0]
        self._names: dict[str, str] = {}

    def batch(self, batch: Batch, mark: str) -> Batch:
        """Return the batch as this seller's."""
        name = self._names.get(batch.product_name)
        if name is None:
            name = self._names[batch.product_name] = "".join(map(self._piece, _PIECE.findall(batch.product_name)))
        return batch._replace(
            batch_id=mark + batch.batch_id,
            seller=self.seller,
            product_name=name,
            lot_code=self.lot(batch.lot_code),
            registered_on=(date.fromisoformat(batch.registered_on) + self._days).isoformat(),
            product_key=mark + batch.product_key,
        )

    def lot(self, code: str) -> str:
        """Return a lot of the same pattern; two lots that differ in one place still do."""
        parts, place = [], 0
        for found in _DATE.finditer(code):
            parts += [self._permuted(code, place, found.start()), self._moved(found)]
            place = found.end()
        return "".join([*parts, self._permuted(code, place, len(code))])

    def _permuted(self, code: str, first: int, end: int) -> str:
        return "".join(
            letter.translate(self._digits[at % PLACES] if letter.isdecimal() else self._letters[at % PLACES])
            for at, letter in enumerate(code[first:end], start=first)
        )

    def _moved(self, found: re.Match[str]) -> str:
        year, month, day, month_first, day_second, year_last, *short = found.groups()
        try:
            if year:
                return f"{date(int(year), int(month), int(day)) + self._days:%Y%m%d}"
            if year_last:
                return f"{date(int(year_last), int(month_first), int(day_second)) + self._days:%m%d%Y}"
            return f"{date(2000 + int(short[2]), int(short[0]), int(short[1])) + self._days:%m%d%y}"
        except ValueError:  # 31 February: not a date
            return self._permuted(found.string, found.start(), found.end())

    def _piece(self, piece: str) -> str:
        head = _head(piece)
        if head not in self._told:
            self._told[head] = self._other(piece)
        told = self._told[head]
        if not told:
            return piece
        return told + piece[2:] if is_chinese(piece) else told

    def _other(self, piece: str) -> str:
        """What a piece turns into, never two into one; nothing if it stays."""
        chance, vocabulary = self._chance, self._vocabulary
        if not piece[0].isalnum() or vocabulary.is_common(piece) or chance.random() >= CHANGED_SHARE:
            return ""
        for _ in range(TRIES_MAX):
            if piece[0].isdecimal():
                other = chance.choice(vocabulary.numbers)
            else:
                other = vocabulary.pair(chance) if is_chinese(piece) else vocabulary.word(chance)
            if other not in self._used:
                self._used.add(other)
                return other
        return ""


def is_chinese(text: str) -> bool:
    """Tell whether the text begins with a Chinese character."""
    return "\u3400" <= text[0] <= "\u9fff"


def _head(piece: str) -> str:
    return piece[:2] if is_chinese(piece) else piece.lower()


def _permutation(letters: str, number: int) -> dict[int, str]:
    turned = list(letters)
    random.Random(f"{SEED} {letters} {number}").shuffle(turned)
    table = dict(zip(letters, turned, strict=True))
    return str.maketrans(table | {letter.lower(): other.lower() for letter, other in table.items()})
