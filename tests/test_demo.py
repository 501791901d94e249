"""`fairhold demo` in a home of its own: the main job end to end, with real servers, and nothing left running."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

LIMIT_SECONDS = 290
AMOUNT, BUYER, SELLER, FEE = 48_000, 14_400, 32_592, 1_008

pytestmark = pytest.mark.timeout(LIMIT_SECONDS + 10)


@pytest.fixture(scope="module")
def played() -> Iterator[tuple[subprocess.CompletedProcess[str], dict[str, Any], Path]]:
    """The command's end, each step's facts, and the home."""
    with tempfile.TemporaryDirectory(prefix="fh-") as folder:
        home = Path(folder)
        told = {name: value for name, value in os.environ.items() if not name.startswith("FAIRHOLD_")}
        done = subprocess.run(
            [sys.executable, "-m", "service.cli", "demo", "--json", str(home / "facts.json")],
            env={**told, "FAIRHOLD_HOME": str(home), "COLUMNS": "160"},
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        yield done, json.loads((home / "facts.json").read_text("utf-8")), home


Played = tuple[subprocess.CompletedProcess[str], dict[str, Any], Path]


def test_a_seller_a_batch_and_a_thousand_from_a_csv_are_registered(played: Played) -> None:
    facts = played[1]["A seller registers goods"]

    assert facts["imported"] == 1000
    assert facts["batch_id"]


def test_orders_come_to_an_open_window(played: Played) -> None:
    facts = played[1]["Orders are paid, shipped and delivered"]

    assert facts["amount_minor"] == AMOUNT
    assert facts["window_ends_at_1"]
    assert facts["window_ends_at_2"]
    assert len(set(facts["order_ids"])) == 2


def test_a_misspelt_complaint_finds_its_batch_and_its_photos_lose_their_metadata(played: Played) -> None:
    step = played[1]["A buyer complains, and the batch is found"]

    assert step["match_status"] == "linked"
    assert step["batch_id"] == played[1]["A seller registers goods"]["batch_id"]
    assert step["score"] > 0.9
    assert {"lot_equal_folded", "order_same_batch"} <= set(step["reasons"])
    assert len(step["sha256"]) == 2
    assert step["view_metadata"] == [[], []]
    assert "34853" in step["sent_metadata"]  # the place, as the phone wrote it


def test_an_unmatchable_complaint_waits_for_its_batch(played: Played) -> None:
    step = played[1]["A buyer complains, and the batch is found"]

    assert (step["before"], step["after"]) == ("unmatched", "linked")
    assert step["late_linked_to"] == step["late_batch_id"]


def test_a_claim_freezes_and_a_ruling_of_thirty_percent_moves_the_money(played: Played) -> None:
    claimed = played[1]["A buyer complains, and the batch is found"]
    ruled = played[1]["They disagree, and a mediator rules"]

    assert claimed["freezes"] == ["claim"]
    assert ruled["dispute_state"] == "final"
    assert ruled["hold_state"] == "split"
    assert ruled["moved"] == {"fund": AMOUNT, "refund": BUYER, "refund_paid": BUYER, "release": SELLER, "fee": FEE}
    assert ruled["sum_minor"] == 0


def test_an_undisputed_payment_is_released_by_the_worker(played: Played) -> None:
    facts = played[1]["An undisputed payment is released by itself"]

    assert facts["hold_state"] == "released"
    assert (facts["seller_minor"], facts["fee_minor"]) == (46_560, 1_440)
    assert "owner role" in played[0].stdout


def test_the_third_buyers_complaint_freezes_the_scope_and_what_is_funded_later(played: Played) -> None:
    facts = played[1]["The third complaint freezes the batch"]

    assert facts["buyers"] == 3
    assert facts["low"] > facts["limit"]
    assert len(facts["frozen_orders"]) == 3
    assert facts["batch_status"] == "held"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_dossier_is_a_pdf_in_both_languages(played: Played, language: str) -> None:
    facts = played[1]["A regulator downloads the dossier"]
    file = Path(facts[f"pdf_{language}"])

    assert file.read_bytes().startswith(b"%PDF-")
    assert facts[f"rows_{language}"]["complaints"] == 3
    assert str(file) in played[0].stdout


def test_nothing_is_left_running(played: Played) -> None:
    home = played[2]
    told = json.loads((home / "demo.json").read_text("utf-8"))
    port = int(told["base_url"].rpartition(":")[2])

    assert not (home / "running.json").exists()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
