"""Complaints with their right answers, and registries, as CSV files: read strictly.

What is wrong with a file is told by its line, with a stable code; nothing is guessed and no row is passed over.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

from service.complaints.matching.facts import Query
from service.core.errors import Invalid

TOLD = ("complaint_id", "product_text", "brand_text", "lot_text", "purchase_date", "narrative", "lang")
TRUTH = ("expected_batch_id", "expected_product_key")
REGISTERED = ("batch_id", "seller", "product_name", "lot_code", "registered_on", "product_key")
MORE_TOLD = ("seller_text", "gtin", "order_batch_id", "order_product_id", "order_seller_id")
"""Columns that a file may have beside `TOLD`."""
CELL_LENGTH_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Labelled:
    """A complaint as the matcher reads it, and the truth: "" for a batch that is not registered.

    `group` says which complaints are of one product, so that no fold learns from what another is judged on.
    """

    complaint_id: str
    query: Query
    batch: str = ""
    product: str = ""
    group: str = ""
    difficulty: str = ""

    @property
    def lot_told(self) -> bool:
        """Whether the field for the lot was filled in."""
        return bool(self.query.lot_text)


def check_registry(path: Path) -> dict[str, str]:
    """Return the product of each batch of a registry file; raises `Invalid` as `rows_of` does."""
    products: dict[str, str] = {}
    for line, row in rows_of(path, REGISTERED):
        for name in ("batch_id", "product_key"):
            if not row[name].strip():
                _refuse("csv_cell_missing", path, line, f"{name} is empty", column=name)
        if row["batch_id"] in products:
            _refuse("csv_duplicate", path, line, f"the batch {row['batch_id']} is there already", column="batch_id")
        _day(path, line, row, "registered_on", may_be_empty=False)
        products[row["batch_id"]] = row["product_key"]
    return products


def read_labelled(path: Path, *, needs_truth: bool) -> list[Labelled]:
    """Return the complaints of a file in its order; raises `Invalid` as `rows_of` does.

    Without `needs_truth` the columns of the right answers may be absent; every complaint then counts as one whose batch
    is not registered.
    """
    seen: set[str] = set()
    found: list[Labelled] = []
    for line, row in rows_of(path, (*TOLD, *TRUTH) if needs_truth else TOLD):
        complaint_id = row["complaint_id"]
        if not complaint_id.strip():
            _refuse("csv_cell_missing", path, line, "complaint_id is empty", column="complaint_id")
        if complaint_id in seen:
            _refuse("csv_duplicate", path, line, f"{complaint_id} is there already", column="complaint_id")
        seen.add(complaint_id)
        batch = row.get("expected_batch_id", "")
        product = row.get("expected_product_key", "") if batch else ""
        if batch and not product:
            _refuse("csv_cell_missing", path, line, "expected_product_key is empty", column="expected_product_key")
        source = row.get("source_batch_id", "").rpartition("-")[0]
        found.append(
            Labelled(
                complaint_id,
                _query(path, line, row),
                batch,
                product,
                row.get("expected_product_key", "") or source or complaint_id,
                row.get("difficulty", ""),
            )
        )
    return found


def has_truth(path: Path) -> bool:
    """Whether a file has the columns of the right answers; raises `Invalid` as `rows_of` does."""
    _, row = next(rows_of(path, ()))
    return all(name in row for name in TRUTH)


def rows_of(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yield (line on which it begins, row) of a CSV file in UTF-8 whose first line names its columns.

    Raises `Invalid` ("csv_not_readable", "csv_not_utf8", "csv_malformed", "csv_empty", "csv_column_missing",
    "csv_column_twice", "csv_row_wrong"; callers add "csv_cell_missing", "csv_date_wrong", "csv_duplicate").
    """
    begins = 1
    if path.exists() and not path.is_file():  # a pipe, say, would be empty when it is read again
        raise Invalid("csv_not_readable", f"{path} is no file", file=str(path))
    csv.field_size_limit(CELL_LENGTH_MAX)
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.reader(lines, strict=True)
            names = next(reader, [])
            _check_columns(path, names, columns)
            count, begins = 0, reader.line_num + 1
            for cells in reader:
                if cells:  # an empty line is none
                    if len(cells) != len(names):
                        _refuse("csv_row_wrong", path, begins, f"{len(cells)} cells stand under {len(names)} columns")
                    count += 1
                    yield begins, dict(zip(names, cells, strict=True))
                begins = reader.line_num + 1
            if not count:
                _refuse("csv_empty", path, 1, "there is no row under the names of the columns")
    except UnicodeDecodeError as error:
        _refuse("csv_not_utf8", path, begins, f"near here the text is not UTF-8 ({error.reason})")
    except csv.Error as error:
        _refuse("csv_malformed", path, begins, f"this is not CSV: {error}")
    except OSError as error:
        raise Invalid("csv_not_readable", f"{path}: {error.strerror or error}", file=str(path)) from error


def _check_columns(path: Path, names: Sequence[str], wanted: Sequence[str]) -> None:
    if not names:
        _refuse("csv_empty", path, 1, "the file is empty")
    missing = [name for name in wanted if name not in names]
    if missing:
        _refuse("csv_column_missing", path, 1, f"these columns are missing: {', '.join(missing)}", columns=missing)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        _refuse("csv_column_twice", path, 1, f"these columns are there twice: {', '.join(twice)}", columns=twice)


def _query(path: Path, line: int, row: Mapping[str, str]) -> Query:
    return Query(
        product_text=row["product_text"],
        brand_text=row["brand_text"],
        seller_text=row.get("seller_text", ""),
        lot_text=row["lot_text"],
        gtin=row.get("gtin", ""),
        purchase_date=_day(path, line, row, "purchase_date", may_be_empty=True),
        narrative=row["narrative"],
        lang=row["lang"],
        order_batch_id=row.get("order_batch_id") or None,
        order_product_id=row.get("order_product_id") or None,
        order_seller_id=row.get("order_seller_id") or None,
    )


def _day(path: Path, line: int, row: Mapping[str, str], name: str, *, may_be_empty: bool) -> date | None:
    if not row[name] and may_be_empty:
        return None
    try:
        return date.fromisoformat(row[name])
    except ValueError:
        _refuse("csv_date_wrong", path, line, f"{name} is {row[name]!r}, and no day such as 2026-11-20", column=name)


def _refuse(code: str, path: Path, line: int, message: str, **facts: Any) -> NoReturn:
    raise Invalid(code, f"{path}, line {line}: {message}", file=str(path), line=line, **facts)
