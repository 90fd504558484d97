"""Hashes, licenses, bill of materials and vulnerability records agree with the pins."""

from __future__ import annotations

import importlib.metadata
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from typer.testing import CliRunner

from Testing.Tools import advisory_list, osv, supply_chain
from Testing.Tools.worker_requirements import FOLDER, normalized

HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def entries(name: str) -> dict[str, str]:
    """The lines of each package of a lock, by name and version."""
    text = (FOLDER / name).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    found = {line.split()[0]: line for line in lines}
    assert len(found) == len(lines)
    return {f"{normalized(pin.split('==')[0])}=={pin.split('==')[1]}": line for pin, line in found.items()}


@pytest.mark.parametrize("name", supply_chain.LOCKS)
def test_every_package_of_the_lists_is_locked_by_hashes_at_its_pin(name: str) -> None:
    locked = entries(name)
    assert all(HASH.search(line) for line in locked.values())
    pinned = {f"{package}=={version}" for package, version in supply_chain.pins().items()}
    names = {pin.split("==")[0] for pin in pinned}
    assert {pin for pin in locked if pin.split("==")[0] in names} <= pinned, "run supply_chain lock again"
    for each in supply_chain.LOCKS[name]:
        lines = [line for line in (FOLDER / each).read_text("utf-8").splitlines() if not line.startswith("#")]
        assert {f"{normalized(line.split('==')[0])}=={line.split('==')[1]}" for line in lines} <= set(locked)


def worker_pins() -> list[str]:
    lines = (FOLDER / "requirements.txt").read_text("utf-8").splitlines()
    return [normalized(line.split("==")[0]) for line in lines if not line.startswith("#")]


def needed_here(names: set[str]) -> set[str]:
    """Those packages and what they need in turn on this system."""
    found: set[str] = set()
    while names - found:
        name = (names - found).pop()
        found.add(name)
        for one in map(Requirement, importlib.metadata.requires(name) or ()):
            if one.marker is None or one.marker.evaluate({"extra": ""}):
                names = names | {normalized(one.name)}
    return found


def test_the_lock_holds_what_the_worker_needs_here_and_wheels_of_all_systems() -> None:
    needed = needed_here(set(supply_chain.pins()) & set(worker_pins()))
    locked = {pin.split("==")[0] for pin in entries("lock-networks.txt")}
    assert needed - locked == set()
    # Files for three systems and two Pythons at least, where a package is compiled.
    compiled = ("numpy==", "scipy==", "simpleitk==")
    counts = {pin: len(HASH.findall(line)) for pin, line in entries("lock.txt").items() if pin.startswith(compiled)}
    assert len(counts) == len(compiled)
    assert min(counts.values()) >= 6, counts


def test_the_lists_name_no_server() -> None:
    assert not [name for name in supply_chain.LOCKS if re.search(r"://|index", (FOLDER / name).read_text("utf-8"))]


def whole_environment() -> bool:
    try:
        return all(importlib.metadata.version(name) for name in supply_chain.pins())
    except importlib.metadata.PackageNotFoundError:
        return False


@pytest.mark.skipif(not whole_environment(), reason="not every pinned package is installed")
def test_the_list_of_licenses_is_current_and_names_each() -> None:
    page = supply_chain.LICENSES.read_text(encoding="utf-8")
    assert page == supply_chain.license_page(), "run supply_chain licenses again"
    unnamed = [name for name in supply_chain.pins() if supply_chain.license_of(name) is None]
    assert unnamed == []


def test_the_bill_of_materials_names_packages_and_models_and_what_they_need() -> None:
    result = CliRunner().invoke(supply_chain.app, ["sbom"])
    bill = json.loads(result.stdout)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert CliRunner().invoke(supply_chain.app, ["sbom"]).stdout == result.stdout
    refs = [each["bom-ref"] for each in bill["components"]]
    assert len(set(refs)) == len(refs)
    assert {"library", "machine-learning-model"} == {each["type"] for each in bill["components"]}
    needs = {each["ref"]: each["dependsOn"] for each in bill["dependencies"]}
    assert set(needs) <= {"lnstation", *refs}
    assert {one for each in needs.values() for one in each} <= set(refs)
    numpy = next(ref for ref in refs if ref.startswith("pkg:pypi/numpy@"))
    assert any(numpy in each for ref, each in needs.items() if ref.startswith("pkg:pypi/scipy@"))


def record(**affected: Any) -> osv.Advisory:
    return osv.Advisory("X-1", "bad", ({"package": {"ecosystem": "PyPI", "name": "Some_Package"}, **affected},))


RANGES = [
    ([{"introduced": "0"}, {"fixed": "2.0"}], True),
    ([{"introduced": "0"}, {"fixed": "1.5"}], False),
    ([{"introduced": "1.6"}], False),
    ([{"introduced": "0"}, {"fixed": "1.0"}, {"introduced": "1.4"}], True),
    ([{"fixed": "1.9"}, {"introduced": "1.2"}], True),
    ([{"introduced": "1.0"}, {"last_affected": "1.5"}], True),
    ([{"introduced": "1.0"}, {"last_affected": "1.4"}], False),
    # As records of the NVD have them: a version with words behind it, an event without a version, no version at all.
    ([{"introduced": "0"}, {"last_affected": "1.4.0-NA"}], False),
    ([{"introduced": "0"}, {"last_affected": "1.5.0-cu124"}], True),
    ([{"introduced": "0"}, {}], True),
    ([{"introduced": "-"}, {"fixed": "unknown"}], True),
    # Release candidates, local versions and epochs are compared by PEP 440, not as text.
    ([{"introduced": "0"}, {"fixed": "1.5rc1"}], False),
    ([{"introduced": "0"}, {"fixed": "1.10"}], True),
    ([{"introduced": "0"}, {"fixed": "1!0.1"}], True),
]


@pytest.mark.parametrize(("events", "hit"), RANGES)
def test_ranges_of_records_are_those_of_the_standard(events: list[dict[str, str]], hit: bool) -> None:
    found = list(osv.affecting(record(ranges=[{"type": "ECOSYSTEM", "events": events}]), {"some-package": "1.5"}))
    assert found == ([("some-package", "1.5")] if hit else [])


def test_listed_versions_count_and_those_of_other_packages_and_of_commits_do_not() -> None:
    versions = {"some-package": "1.5", "other": "1.5"}
    assert list(osv.affecting(record(versions=["1.5.0"]), versions)) == [("some-package", "1.5")]
    assert list(osv.affecting(record(versions=["1.4"]), versions)) == []
    git = record(ranges=[{"type": "GIT", "events": [{"introduced": "0"}]}])
    assert list(osv.affecting(git, versions)) == []


def bad_records() -> list[dict[str, Any]]:
    """A record about a pin of ours, a withdrawn one, and one about another package."""
    return [
        {"id": "OSV-1", "summary": "reads too much", "modified": "2030-02-03T00:00:00Z", "details": "long",
         "affected": [
            {"package": {"ecosystem": "PyPI", "name": "NumPy"}, "versions": ["0.1", "99.0"], "ranges": [
                {"type": "GIT", "events": [{"introduced": "0"}]},
                {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "98"}]}]}]},
        {"id": "OSV-2", "withdrawn": "2026-01-01T00:00:00Z", "affected": [
            {"package": {"ecosystem": "PyPI", "name": "scipy"}, "versions": [supply_chain.pins()["scipy"]]}]},
        {"id": "OSV-3", "affected": [{"package": {"ecosystem": "npm", "name": "numpy"}, "versions": ["2.4.6"]}]},
    ]  # fmt: skip


def zipped(records: list[dict[str, Any]], path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for one in records:
            archive.writestr(f"{one['id']}.json", json.dumps(one))
    return path


def checked(*arguments: str) -> Any:
    return CliRunner().invoke(supply_chain.app, ["advisories", *arguments])


def test_a_pin_with_a_known_vulnerability_ends_the_check_with_its_record(tmp_path: Path) -> None:
    result = checked(str(zipped(bad_records(), tmp_path / "all.zip")))
    assert result.exit_code == 1
    assert f"numpy {supply_chain.pins()['numpy']}: OSV-1 reads too much; fixed in 98" in result.stdout
    assert "2 records of all.zip as of 2030-02-03" in result.stdout
    assert "OSV-2" not in result.stdout
    (tmp_path / "none.json").write_text("[]")
    assert checked(str(tmp_path / "none.json")).exit_code == 0


def test_the_pins_of_today_are_in_no_record_of_the_committed_list() -> None:
    result = checked()
    assert result.exit_code == 0, result.stdout
    content = json.loads(advisory_list.LIST.read_text("utf-8"))
    assert f"as of {content['as_of']}" in result.stdout
    assert content["as_of"] == advisory_list.newest_day(osv.advisories_in(advisory_list.LIST))
    assert "CC-BY-4.0" in content["license"]


def test_every_exception_is_about_a_pin_of_today_that_a_record_names() -> None:
    found = supply_chain.affected_pins(osv.advisories_in(advisory_list.LIST))
    hits = {(name, version, each) for name, version, one in found for each in one.names()}
    for exempt in advisory_list.exceptions():
        assert (exempt.package, exempt.version, exempt.id) in hits, "this exception is of no use any more"
        assert len(exempt.reason) > 20


def test_an_exception_holds_for_its_pin_and_its_vulnerability_alone() -> None:
    one = advisory_list.Exempt("CVE-1", "some-package", "1.5", "not called")
    also = osv.Advisory("X-1", "bad", (), aliases=("CVE-1",))
    assert advisory_list.exemption("some-package", "1.5", also, [one]) is one
    assert advisory_list.exemption("some-package", "1.6", also, [one]) is None
    assert advisory_list.exemption("some-package", "1.5", osv.Advisory("X-2", "bad", ()), [one]) is None


def test_the_list_is_renewed_with_the_facts_about_our_packages(tmp_path: Path) -> None:
    out = tmp_path / "list.json"
    out.write_text(json.dumps({"records": [{"id": "OSV-1", "summary": "our words"}]}))
    source = zipped(bad_records(), tmp_path / "all.zip")
    assert advisory_list.renew(source, {"numpy", "scipy"}, out) == 1
    content = json.loads(out.read_text("utf-8"))
    assert content["as_of"] == "2030-02-03"
    assert content["records"][0]["summary"] == "our words"
    assert content["records"][0]["affected"] == [
        {"package": {"ecosystem": "PyPI", "name": "NumPy"}, "versions": ["99.0"], "ranges": [
            {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "98"}]}]},
    ]  # fmt: skip
    assert "long" not in out.read_text("utf-8")
    versions = {"numpy": "1.0"}
    assert [list(osv.affecting(one, versions)) for one in osv.advisories_in(out)] == [[("numpy", "1.0")]]


def test_a_version_is_pinned_the_same_everywhere() -> None:
    pins = supply_chain.all_pins()
    assert len({name for name, _ in pins}) == len(pins)
    assert {"lightning", "scikit-learn", "setuptools", "torch"} <= {name for name, _ in pins}
