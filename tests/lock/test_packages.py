"""Installed distributions, compared with importlib.metadata and read from folders made by hand."""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name
from packaging.version import Version

from naga.lock.packages import installed_packages, normalized_name


def install(folder: Path, name: str, version: str, direct_url: object = None) -> Path:
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nText\n")
    if direct_url is not None:
        (info / "direct_url.json").write_text(json.dumps(direct_url))
    return info


def test_packages_of_this_interpreter_agree_with_importlib() -> None:
    expected: dict[str, Version] = {}
    for distribution in importlib.metadata.distributions():
        expected.setdefault(canonicalize_name(distribution.metadata["Name"]), Version(distribution.version))
    lines = [line.partition(" @ ")[0].partition("==") for line in installed_packages()]
    assert {name: Version(version) for name, _, version in lines} == expected


def test_packages_are_sorted_and_normalized(tmp_path: Path) -> None:
    install(tmp_path, "zope.interface", "5.0")
    install(tmp_path, "Ruamel_yaml", "0.18.6")
    install(tmp_path, "torch", "2.1.0+cu118")
    assert installed_packages([str(tmp_path)]) == [
        "ruamel-yaml==0.18.6",
        "torch==2.1.0+cu118",
        "zope-interface==5.0",
    ]


@given(st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", fullmatch=True))
def test_normalized_name_agrees_with_packaging(name: str) -> None:
    assert normalized_name(name) == canonicalize_name(name)


def test_packages_first_folder_wins(tmp_path: Path) -> None:
    install(tmp_path / "a", "numpy", "2.0")
    install(tmp_path / "b", "NumPy", "1.0")
    assert installed_packages([str(tmp_path / "a"), str(tmp_path / "b")]) == ["numpy==2.0"]
    assert installed_packages([str(tmp_path / "b"), str(tmp_path / "a")]) == ["numpy==1.0"]


def test_packages_two_versions_in_one_folder_are_both_listed(tmp_path: Path) -> None:
    install(tmp_path, "numpy", "2.0")
    install(tmp_path, "numpy", "1.0")
    assert installed_packages([str(tmp_path)]) == ["numpy==1.0", "numpy==2.0"]


def test_packages_legacy_forms_are_found(tmp_path: Path) -> None:
    (tmp_path / "one-1.0.egg-info").write_text("Metadata-Version: 1.0\n")
    (tmp_path / "two_words-2.0-py3.11-linux-x86_64.egg-info").mkdir()
    develop = tmp_path / "three.egg-info"
    develop.mkdir()
    (develop / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: Three\nVersion: 3.0.dev1\n\nName: x\n")
    egg = tmp_path / "four-4.0-py3.11.egg"
    (egg / "EGG-INFO").mkdir(parents=True)
    (egg / "EGG-INFO" / "PKG-INFO").write_text("Name: four\nVersion: 4.0\n")
    install(tmp_path, "with-dash", "5.0")
    assert installed_packages([str(tmp_path), str(egg)]) == [
        "four==4.0",
        "one==1.0",
        "three==3.0.dev1",
        "two-words==2.0",
        "with-dash==5.0",
    ]


def test_packages_leftovers_are_passed_over(tmp_path: Path) -> None:
    install(tmp_path, "~umpy", "1.0")
    (tmp_path / "gone-1.0.dist-info").mkdir()
    (tmp_path / "empty.egg-info").mkdir()
    (tmp_path / "file").write_text("")
    assert installed_packages([str(tmp_path), str(tmp_path / "missing"), str(tmp_path / "file")]) == []


def test_packages_empty_path_is_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "here", "1.0")
    monkeypatch.chdir(tmp_path)
    assert installed_packages([""]) == ["here==1.0"]


def test_packages_default_is_the_import_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "only-on-this-path", "1.0")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert installed_packages() == ["only-on-this-path==1.0"]


@pytest.mark.parametrize(
    ("direct_url", "origin"),
    [
        ({"url": "file:///home/me/x", "dir_info": {"editable": True}}, "file:///home/me/x"),
        (
            {"url": "https://me:pw@h/x.git", "vcs_info": {"vcs": "git", "commit_id": "0af"}, "subdirectory": "p"},
            "git+https://***@h/x.git@0af#subdirectory=p",
        ),
        (
            {"url": "https://h/x.whl?token=abc", "archive_info": {"hashes": {"sha256": "0af"}}},
            "https://h/x.whl?token=***#sha256=0af",
        ),
        ({"url": "https://h/x.whl", "archive_info": {"hash": "sha256=0af"}}, "https://h/x.whl#sha256=0af"),
        ({"url": "https://h/x.whl", "archive_info": {}}, "https://h/x.whl"),
        ({"nothing": 1}, "unreadable direct_url.json"),
        (["no mapping"], "unreadable direct_url.json"),
    ],
)
def test_packages_direct_install_tells_its_origin(tmp_path: Path, direct_url: object, origin: str) -> None:
    install(tmp_path, "x", "1.0", direct_url)
    assert installed_packages([str(tmp_path)]) == [f"x==1.0 @ {origin}"]


def test_packages_origin_that_is_no_json_is_told(tmp_path: Path) -> None:
    (install(tmp_path, "x", "1.0") / "direct_url.json").write_bytes(b"\xff{")
    assert installed_packages([str(tmp_path)]) == ["x==1.0 @ unreadable direct_url.json"]
