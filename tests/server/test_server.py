"""Questions and answers over HTTP, asked of a real server."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import websocket

import naga
from tests.pipelines import make_run
from tests.programs import run_python
from tests.server.conftest import PATIENCE, TOKEN, Server

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = "Wetter ü/project"
EVALUATE = "results/evaluate/run.lock"


def wait_for(question: Callable[[], Any]) -> Any:
    begin = time.monotonic()
    while time.monotonic() < begin + PATIENCE:
        if (found := question()) is not None:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come")


def finished(server: Server, identifier: str) -> dict[str, Any] | None:
    job: dict[str, Any] = server.get(f"jobs/{identifier}")["job"]
    return None if job["state"] == "running" else job


@pytest.fixture(scope="module")
def events(server: Server) -> list[dict[str, Any]]:
    return []


def test_every_question_over_http_is_answered_as_in_python(server: Server, folder: Path) -> None:
    run = {"run": EVALUATE}
    asked: dict[str, dict[str, Any]] = {
        **dict.fromkeys(("run", "graph", "tree", "explain", "mlflow"), run),
        "roots": {},
        "runs": {"limit": 2, "filter": "stage:fit lr<0.25"},
        "diff": {"a": EVALUATE, "b": "results/fit-1/run.lock"},
        "uses": {"path": "data/raw.csv"},
        "file": {**run, "name": "metrics.txt"},
    }
    assert {*asked, "status", "verify"} == set(naga.OPERATIONS)
    for op, args in asked.items():
        expected = json.loads(json.dumps(naga.answer(op, args, root=folder / PROJECT)))
        assert server.get(op, root=PROJECT, **args) == expected, op
    assert "error" not in server.get("run", root=PROJECT, run=EVALUATE)


def test_status_of_the_whole_says_that_it_watches(server: Server) -> None:
    assert wait_for(lambda: server.get("status")["live"]["mode"] == "watching" or None)
    assert [root["root"] for root in server.get("roots")["roots"]] == ["", PROJECT]


def test_status_says_whether_there_is_a_panel_and_how_to_get_one(server: Server, tmp_path: Path) -> None:
    panel = server.get("status")["panel"]
    assert panel == {"installed": True, "hint": None} or (not panel["installed"] and "node" in panel["hint"])
    # An installation of which JupyterLab finds nothing.
    lines = ("import sys; sys.prefix = sys.argv[1]", "from naga_ipython.server.reception import describe_panel")
    answer = run_python(
        tmp_path, "-c", "\n".join([*lines, "print(describe_panel())"]), str(tmp_path), HOME=str(tmp_path)
    )
    assert "'installed': False" in answer.stdout
    assert "labextension/build.py --link" in answer.stdout


@pytest.mark.parametrize("path", ["status", "runs", "run?run=x", "jobs/x", "file?run=x&name=y"])
def test_question_without_a_login_is_refused(server: Server, path: str) -> None:
    for token in (None, "wrong"):
        status, _, _ = server.request(path, token=token)
        assert status == 403


def test_action_without_a_login_is_refused(server: Server) -> None:
    assert server.request("verify", {"run": EVALUATE, "root": PROJECT}, token=None)[0] == 403


def test_action_with_a_cookie_but_without_the_sign_against_forgery_is_refused(server: Server) -> None:
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    opener.open(f"{server.url}api/status?token={TOKEN}", timeout=PATIENCE).close()
    asked = urllib.request.Request(f"{server.url}naga/api/verify", b"{}")
    with pytest.raises(urllib.error.HTTPError) as refused:
        opener.open(asked, timeout=PATIENCE)
    refused.value.close()
    assert refused.value.code == 403


def test_action_by_get_and_question_by_post_are_refused(server: Server) -> None:
    assert server.request("verify?run=x")[0] == 405
    assert server.request("runs", {})[0] == 405


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("runs?limit=9999", 400),
        ("runs?nope=1", 400),
        ("runs?root=..", 400),
        ("runs?root=/etc", 400),
        ("runs?root=nowhere", 404),
        ("runs?root=link", 403),
        ("runs?root=link/inner", 403),
        ("run?run=../../etc/run.lock", 400),
        ("run?run=results/none/run.lock", 404),
        ("jobs/none", 404),
        ("nope", 404),
    ],
)
def test_wrong_question_gets_the_status_that_says_why(
    server: Server, folder: Path, tmp_path: Path, path: str, status: int
) -> None:
    (tmp_path / "inner").mkdir()
    link = folder / "link"
    link.unlink(missing_ok=True)
    link.symlink_to(tmp_path)
    found, answer, _ = server.request(path)
    link.unlink()
    assert found == status
    assert path == "nope" or answer["error"]["message"]


def test_answers_cannot_be_taken_for_a_page(server: Server, folder: Path) -> None:
    evil = "<script>alert(1)</script>"
    make_run(folder / PROJECT, "evil", "evil", text=evil, config={"note": evil})
    for path in ("run?", "file?name=out.txt&"):
        _, answer, headers = server.request(f"{path}run=Wetter%20%C3%BC/project/results/evil/run.lock")
        assert evil in json.dumps(answer)
        assert headers["Content-Type"].startswith("application/json")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "Access-Control-Allow-Origin" not in headers or not headers["Access-Control-Allow-Origin"]


def test_verify_is_a_job_with_an_answer(server: Server) -> None:
    status, answer, _ = server.request("verify", {"root": PROJECT, "run": EVALUATE})
    assert status == 202
    job = wait_for(lambda: finished(server, answer["job"]["id"]))
    assert job["state"] == "done"
    assert (job["done"], job["answer"]["intact"]) == (job["total"], True)


def test_verify_of_nothing_is_a_job_that_failed(server: Server) -> None:
    _, answer, _ = server.request("verify", {"root": PROJECT, "run": "nope"})
    job = wait_for(lambda: finished(server, answer["job"]["id"]))
    assert (job["state"], job["answer"]["error"]["type"]) == ("failed", "NotFoundError")


def test_verify_that_is_cancelled_ends(server: Server, folder: Path) -> None:
    data = folder / PROJECT / "data" / "big"
    data.mkdir()
    inputs = []
    for number in range(40):
        path = data / f"{number}.bin"
        path.write_bytes(bytes([number]) * 20_000_000)
        inputs.append(path)
    run = make_run(folder / PROJECT, "big", "big", data=inputs)
    assert run.path.is_file()
    for path in inputs:
        path.touch()
    _, answer, _ = server.request("verify", {"root": PROJECT, "run": "results/big/run.lock"})
    identifier = answer["job"]["id"]
    assert server.request(f"jobs/{identifier}/cancel", {})[0] == 202
    job = wait_for(lambda: finished(server, identifier))
    assert job["state"] == "cancelled"
    assert job["done"] < job["total"] or job["total"] == 0


def test_server_stays_quick_while_a_job_reads(server: Server) -> None:
    _, answer, _ = server.request("verify", {"root": PROJECT, "run": "results/big/run.lock"})
    asked = 0
    while finished(server, answer["job"]["id"]) is None:
        assert server.get("runs", root=PROJECT, limit=1)["total"] > 0
        asked += 1
    assert asked > 0


def test_receipt_that_is_written_is_told_to_browsers_at_once(server: Server, folder: Path) -> None:
    assert wait_for(lambda: server.get("status", root=PROJECT)["live"]["mode"] == "watching" or None)
    before = server.get("status", root=PROJECT)["version"]
    address = server.url.replace("http:", "ws:") + f"api/events/subscribe?token={TOKEN}"
    socket = websocket.create_connection(address, timeout=PATIENCE)
    make_run(folder / PROJECT, "news", "news")
    told = next(event for event in _events(socket) if event["kind"] == "receipts" and event["root"] == PROJECT)
    assert told["paths"] == ["results/news/run.lock"]
    status = server.get("status", root=PROJECT)
    assert status["version"] == told["version"] != before
    (folder / PROJECT / "data" / "raw.csv").write_text("7,7")
    assert next(event for event in _events(socket) if event["kind"] == "world")["root"] in ("", PROJECT)
    assert server.get("run", root=PROJECT, run="results/prepare/run.lock")["state"] == "stale"
    socket.close()


def _events(socket: Any) -> Any:
    while True:
        event = json.loads(socket.recv())
        if event["schema_id"] == "https://naga.dev/events/changes":
            yield event


def test_questions_leave_nothing_in_the_served_folder(server: Server, folder: Path) -> None:
    before = {path: path.lstat().st_mtime_ns for path in folder.rglob("*")}
    for op in ("status", "runs", "roots"):
        server.get(op)
    assert {path: path.lstat().st_mtime_ns for path in folder.rglob("*")} == before


def test_server_that_must_not_watch_says_so_and_answers(folder: Path, tmp_path: Path, environment: None) -> None:
    server = Server(folder, tmp_path, watch=False)  # type: ignore[arg-type]
    live = server.get("status")["live"]
    assert (live["mode"], live["interval"] > 0) == ("polling", True)
    assert "switched off" in live["problem"]
    total = server.get("runs")["total"]
    make_run(folder / PROJECT, "later", "later")
    assert wait_for(lambda: server.get("runs")["total"] == total + 1 or None)
    server.stop()


def test_server_that_is_told_to_end_ends_in_the_middle_of_a_job(server: Server) -> None:
    server.request("verify", {"root": PROJECT, "run": "results/big/run.lock"})
    # Three seconds are promised; the machine of the tests may be busy.
    assert server.stop() < 10
    assert "Traceback" not in server.log.read_text()
