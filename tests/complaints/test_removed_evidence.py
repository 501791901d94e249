"""Files that a buyer takes out of a draft; what was sent stays."""

from service.core.actor import Role
from tests.complaints.attaching import form, jpeg_with_gps, png, read, upload
from tests.complaints.conftest import Cases
from tests.world import Whose


async def test_a_buyer_takes_a_file_out_of_their_draft_and_out_of_nothing_that_was_sent(cases: Cases) -> None:
    case_id = await cases.draft(await cases.order())
    removed, kept = (await upload(cases, case_id, form(png(), jpeg_with_gps()))).json()
    path = f"/{case_id}/evidence"
    for _ in range(2):
        answer = await cases.send(f"{path}/{removed['file_id']}", method="DELETE")
        assert (answer.status_code, answer.content) == (204, b"")
    assert [each["file_id"] for each in await cases.get(path)] == [kept["file_id"]]
    assert (await read(cases, case_id, removed["file_id"])).status_code == 404
    assert (await cases.events(case_id)).count("complaint.evidence_removed") == 1
    await cases.ok(f"/{case_id}/submission")
    for each in (removed, kept):
        answer = await cases.send(f"{path}/{each['file_id']}", method="DELETE")
        assert (answer.status_code, answer.json()["code"]) == (409, "complaint_sent")
    assert [each["file_id"] for each in await cases.get(path)] == [kept["file_id"]]


async def test_nobody_takes_a_file_out_of_anothers_draft(cases: Cases) -> None:
    case_id = await cases.draft(await cases.order())
    (file,) = (await upload(cases, case_id, form(png()))).json()
    theirs = cases.who(Role.BUYER, Whose.OTHERS)
    own = await cases.draft()
    for path, by, status, code in (
        (f"/{case_id}/evidence/{file['file_id']}", theirs, 404, "complaint_not_found"),
        (f"/{own}/evidence/{file['file_id']}", cases.buyer, 404, "file_not_found"),
        (f"/{case_id}/evidence/{case_id}", cases.buyer, 404, "file_not_found"),
        (f"/{case_id}/evidence/{file['file_id']}", cases.seller, 403, "role_not_allowed"),
    ):
        answer = await cases.send(path, by=by, method="DELETE")
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert [each["file_id"] for each in await cases.get(f"/{case_id}/evidence")] == [file["file_id"]]
    assert "complaint.evidence_removed" not in await cases.events(case_id)
