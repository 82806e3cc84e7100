"""One run, what is before and after it, and why it is as it is."""

from __future__ import annotations

import shutil
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import naga
from naga.lock.receipt import write_receipt
from tests.pipelines import make_run, run_fit, run_stage

if TYPE_CHECKING:
    from pathlib import Path

    from tests.operations.conftest import Ask

EVALUATE = "results/evaluate/run.lock"


def prev_changes(ask: Ask, run: str) -> list[str]:
    return [prev["change"] for prev in ask("run", run=run)["prevs"]]


def test_run_by_id_and_by_path_are_the_same(ask: Ask) -> None:
    by_path = ask("run", run=EVALUATE)
    assert ask("run", run=by_path["id"]) == by_path


def test_run_whose_raw_data_changed_says_so_two_stages_up(project: Path, ask: Ask) -> None:
    (project / "data" / "raw.csv").write_text("5")
    [cause] = ask("explain", run=EVALUATE)["causes"]
    assert [step["path"] for step in cause["steps"]][0::2] == [EVALUATE, "results/prepare/run.lock"]
    assert [step["stage"] for step in cause["steps"]] == ["evaluate", "fit", "prepare"]
    assert [ask("run", run=step["id"])["stage"] for step in cause["steps"]] == ["evaluate", "fit", "prepare"]
    assert cause["name"] == "data/raw.csv"


def test_prevs_then_and_now_tell_every_change(project: Path, ask: Ask) -> None:
    assert prev_changes(ask, EVALUATE) == ["same", "same", "same"]
    run_fit(project, "fit-1")
    run_fit(project, "fit-2", lr=0.7)
    shutil.rmtree(project / "results" / "fit-3")
    assert prev_changes(ask, EVALUATE) == ["repeated", "replaced", "gone"]
    prevs = ask("run", run=EVALUATE)["prevs"]
    assert "lr" in prevs[1]["text"]
    assert prevs[2]["now"] is None
    assert prevs[1]["then"]["id"] != prevs[1]["now"]["id"]


def test_prev_whose_receipt_was_edited_is_rewritten(project: Path, ask: Ask) -> None:
    receipt = project / "results" / "fit-1" / "run.lock"
    receipt.write_text(receipt.read_text().replace("lr: 0.1", "lr: 0.4"))
    assert prev_changes(ask, EVALUATE)[0] == "rewritten"
    receipt.write_text("torn")
    assert prev_changes(ask, EVALUATE)[0] == "unreadable"


def test_run_whose_folder_is_gone_is_told_by_what_later_ones_embed(project: Path, ask: Ask) -> None:
    identifier = ask("run", run="results/prepare/run.lock")["id"]
    shutil.rmtree(project / "results" / "prepare")
    found = ask("run", run=identifier)
    assert (found["stage"], found["on_disk"], found["path"]) == ("prepare", False, None)
    assert found["state"] == "missing"
    assert ask("graph", run=EVALUATE)["nodes"][-1]["row"]["on_disk"] is False
    assert "error" in ask("run", run="results/prepare/run.lock")


def test_run_with_uncommitted_changes_is_marked(project: Path, ask: Ask) -> None:
    (project / "README.md").write_text("changed")
    run_fit(project, "fit-1")
    assert ask("run", run="results/fit-1/run.lock")["code"][0]["dirty"] is True
    assert ask("run", run="results/fit-2/run.lock")["code"][0]["dirty"] is False
    (project / "fit.py").write_text((project / "fit.py").read_text() + "\n")
    assert ask("run", run="results/fit-2/run.lock")["code"][0]["files"][0]["changed"] is True


def test_snippet_run_as_it_stands_loads_the_run(project: Path, ask: Ask) -> None:
    found = ask("run", run="results/fit-1/run.lock")
    namespace: dict[str, Any] = {}
    exec(found["snippet"], namespace)
    assert namespace["receipt"].id == found["id"]


def test_magic_line_repeats_the_command(project: Path, ask: Ask) -> None:
    found = ask("run", run="results/fit-1/run.lock")
    assert found["magic"] == f"%naga_run --cwd {project} fit.py -o lr=0.1 save_dir=results/fit-1"
    assert (found["magic_here"], found["cwd"]) == ("%naga_run fit.py -o lr=0.1 save_dir=results/fit-1", "")


def test_magic_line_of_a_run_from_a_folder_beside_its_script_goes_there(project: Path, ask: Ask) -> None:
    caller = {"file": "code/it is.py", "argv": [], "cwd": "data", "root": str(project)}
    make_run(project, "aside", "aside", caller=caller)
    found = ask("run", run="results/aside/run.lock")
    assert (found["magic_here"], found["cwd"]) == ("%naga_run '../code/it is.py'", "data")
    assert found["magic"] == f"%naga_run --cwd {project}/data '../code/it is.py'"


def test_magic_of_a_command_line_with_a_second_line_is_refused(project: Path, ask: Ask) -> None:
    argv = ["-o", "x=1\nimport os"]
    make_run(project, "evil", "evil", caller={"file": "evil.py", "argv": argv, "root": str(project)})
    assert ask("run", run="results/evil/run.lock")["magic"] is None


def test_unreadable_receipt_gives_the_reason_and_all_keys(project: Path, ask: Ask) -> None:
    keys = ask("run", run=EVALUATE).keys()
    (project / EVALUATE).write_text("naga: 1\n")
    found = ask("run", run=EVALUATE)
    assert found.keys() == keys
    assert found["badge"]["word"] == "unreadable"
    assert "not a valid receipt" in found["problem"]


def test_hostile_text_reaches_the_browser_as_text(project: Path, ask: Ask) -> None:
    text = "<img src=x onerror=alert(1)></script>\u202e\x1b[31m\udcff"
    make_run(project, "evil", "evil", config={text: [text, float("nan"), 2**70]})
    found = ask("run", run="results/evil/run.lock")
    [(key, values)] = [item for item in found["configuration"].items() if item[0] != "save_dir"]
    assert key.startswith("<img src=x onerror=alert(1)>")
    assert values[1:] == ["nan", str(2**70)]


def test_graph_of_the_whole_pipeline_has_its_diamond(ask: Ask) -> None:
    found = ask("graph", run=EVALUATE)
    assert [node["layer"] for node in found["nodes"]] == [0, -1, -1, -1, -2]
    assert len(found["edges"]) == 6
    keys = {node["key"] for node in found["nodes"]}
    assert all(edge["source"] in keys and edge["target"] in keys for edge in found["edges"])


def test_graph_with_five_alike_siblings_shows_one(project: Path, ask: Ask) -> None:
    prepare = make_run(project, "raw", "raw")
    for number in range(5):
        make_run(project, "many", f"many-{number}", prevs=[prepare], config={"lr": number})
    found = ask("graph", run="results/raw/run.lock")
    assert [(node["count"], len(node["members"])) for node in found["nodes"]] == [(1, 0), (5, 5)]
    assert found["hidden"] == 0
    unfolded = ask("graph", run="results/raw/run.lock", unfold=f"none {found['nodes'][1]['key']}")
    assert [node["count"] for node in unfolded["nodes"]] == [1] * 6
    apart = ask("graph", run="results/raw/run.lock", collapse=False, limit=4)
    assert (len(apart["nodes"]), apart["hidden"]) == (4, 2)
    shutil.rmtree(project / "results" / "many-4")
    assert len(ask("graph", run="results/raw/run.lock")["nodes"]) == 5


def test_tree_up_and_down_names_the_next_runs(ask: Ask) -> None:
    up = ask("tree", run=EVALUATE)
    assert [branch["row"]["stage"] for branch in up["rows"]] == ["fit"] * 3
    assert [branch["children"] for branch in up["rows"]] == [1, 1, 1]
    down = ask("tree", run="results/prepare/run.lock", direction="down", offset=1)
    assert (down["total"], len(down["rows"])) == (3, 2)
    assert down["rows"][0]["children"] == 1


def test_tree_of_more_than_a_hundred_children_has_each_of_them_on_one_page(project: Path, ask: Ask) -> None:
    raw = make_run(project, "raw", "raw")
    made = {make_run(project, "many", f"many-{number}", prevs=[raw]).receipt.id for number in range(230)}
    pages: list[list[str]] = []
    offset: int | None = 0
    while offset is not None and len(pages) < 5:
        page = ask("tree", run="results/raw/run.lock", direction="down", offset=offset)
        pages.append([branch["row"]["id"] for branch in page["rows"]])
        offset = page["next"]
    assert [len(page) for page in pages] == [100, 100, 30]
    assert {identifier for page in pages for identifier in page} == made


def test_receipts_in_a_circle_end_every_walk(project: Path, ask: Ask) -> None:
    first = make_run(project, "a", "a")
    second = make_run(project, "b", "b", prevs=[first])
    looped = naga.read_receipt(first.path).__class__.from_mapping(
        {**first.receipt.to_mapping(), "prevs": {"b": {"id": second.receipt.id, "digest": "x:12345678", "path": "b"}}}
    )
    write_receipt(first.path, looped, overwrite=True)
    assert len(ask("graph", run="results/a/run.lock")["nodes"]) == 2
    assert "error" not in ask("explain", run="results/a/run.lock")


def test_diff_of_two_fits_names_what_differs(ask: Ask) -> None:
    found = ask("diff", a="results/fit-1/run.lock", b="results/fit-2/run.lock")
    assert [(each["section"], each["name"]) for each in found["differences"]][:2] == [
        ("config", "lr"),
        ("config", "save_dir"),
    ]
    assert "lr: 0.1 -> 0.2" in found["text"]
    assert ask("diff", a=EVALUATE, b=EVALUATE)["identical"] is True


def test_verify_tells_its_progress_and_finds_what_changed(project: Path) -> None:
    (project / "results" / "fit-2" / "model.txt").write_text("by hand")
    told: list[tuple[int, int, str]] = []
    librarian = naga.Librarian(project)
    found = naga.answer_from(librarian, "verify", {"run": EVALUATE}, progress=lambda *each: told.append(each))
    assert found["intact"] is False
    changed = [output["path"] for run in found["runs"] for output in run["outputs"] if output["state"] == "modified"]
    assert changed == ["results/fit-2/model.txt"]
    assert [done for done, _, _ in told] == list(range(told[0][1]))
    librarian.close()


def test_verify_that_is_cancelled_stops_before_the_next_file(project: Path) -> None:
    stop = threading.Event()
    looked: list[str] = []

    def progress(_done: int, _total: int, what: str) -> None:
        looked.append(what)
        stop.set()

    librarian = naga.Librarian(project)
    found = naga.answer_from(librarian, "verify", {"run": EVALUATE}, progress=progress, cancelled=stop.is_set)
    assert found["error"]["type"] == "CancelledError"
    assert len(looked) == 1
    librarian.close()


def test_root_inside_of_a_project_shows_only_what_is_below(project: Path) -> None:
    found = naga.answer("run", {"run": "run.lock"}, root=project / "results" / "fit-1")
    assert found["folder"] == ""
    assert found["data"][0]["served"] is None
    assert found["outputs"][0]["served"] == "model.txt"


def test_question_leaves_the_disk_as_it_was(project: Path, ask: Ask) -> None:
    def listing() -> str:
        command = ["find", ".", "-printf", r"%p %T@ %s\n"]
        refs = subprocess.run(["git", "for-each-ref"], cwd=project, capture_output=True, text=True, check=True).stdout
        found = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True).stdout
        return refs + "\n".join(sorted(found.splitlines()))

    before = listing()
    run_args = {"run": EVALUATE}
    asked: dict[str, dict[str, Any]] = {
        **dict.fromkeys(("run", "graph", "tree", "explain", "verify", "mlflow"), run_args),
        "status": {"judge": True},
        "runs": {},
        "roots": {},
        "diff": {"a": EVALUATE, "b": "results/fit-1/run.lock"},
        "uses": {"path": "data/raw.csv"},
        "file": {**run_args, "name": "metrics.txt"},
    }
    assert asked.keys() == set(naga.OPERATIONS)
    for op, args in asked.items():
        assert "error" not in ask(op, **args), op
    assert listing() == before


def test_stage_run_again_is_the_root_cause(project: Path, ask: Ask) -> None:
    (project / "data" / "raw.csv").write_text("4,4")
    run_stage(project, "prepare")
    causes = ask("explain", run="results/fit-1/run.lock")["causes"]
    [cause] = [cause for cause in causes if cause["what"] == "prev"]
    assert [step["stage"] for step in cause["steps"]] == ["fit", "prepare"]
    assert cause["was"] == cause["steps"][1]["id"]
