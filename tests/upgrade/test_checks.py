"""Each upgrade check: what it finds, where, and what it says to do; a good site is left in peace."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from old_states import lay_out

from bmctl.model.states import ProvisionState
from bmctl.ramdisk.shelf import use
from bmctl.store.filestore import FileStore, open_store
from bmctl.store.owner import this_process
from bmctl.store.record import node_key, update_node
from bmctl.store.schema import SCHEMA
from bmctl.upgrade.boot_files import remember
from bmctl.upgrade.check import Check, Finding, Level, run_checks
from bmctl.upgrade.checks import CHECKS, agent_version, inventory_keys
from bmctl.upgrade.key_changes import Fate, KeyChange, find_changes
from bmctl.upgrade.look import Look, Sources

NOW = time.time()
LOADERS = (
    "usr/lib/shim/shimx64.efi.signed",
    "usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed",
    "usr/lib/ISOLINUX/isolinux.bin",
    "usr/lib/syslinux/modules/bios/ldlinux.c32",
)
NODE = """\
  - name: n1
    bmc: {address: "https://10.0.0.11", password: env:BMC}
    network: {mac: 52:54:00:12:34:01, address: 192.0.2.11/24, gateway: 192.0.2.1}
"""


class Site:
    """An operator's files, all as they should be until a test changes them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.inventory: Path | None = path / "inventory.yaml"
        self.state = path / "state"
        self.cache = path / "cache"
        self.roots = path / "root"
        self.write(NODE)
        for loader in LOADERS:
            self.put(self.roots / loader, f"loader {loader}")
        self.ramdisk()

    def put(self, path: Path, text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def write(self, nodes: str, before: str = "") -> None:
        self.put(self.path / "inventory.yaml", f"{before}nodes:\n{nodes}").chmod(0o600)

    def ramdisk(self, name: str = "small", agent: str | None = None) -> None:
        from bmctl.ramdisk.shelf import find, record

        kernel = self.put(self.path / "kernel", f"kernel of {name}")
        shelf = self.cache / "ramdisks"
        use(shelf, name=name, kernel=kernel, initramfs=kernel)
        record(shelf, replace(find(shelf, name), agent_version=agent))

    @property
    def store(self) -> FileStore:
        return open_store(self.state)

    def remember(self, name: str = "n1", **fields: object) -> None:
        update_node(self.store, name, lambda record: replace(record, **fields))

    def look(self) -> Look:
        return Look(
            Sources(
                inventory=self.inventory,
                state=self.state,
                cache=self.cache,
                here=this_process("test", since=NOW),
                now=NOW,
                roots=(self.roots,),
            )
        )

    def results(self, *names: str):
        return run_checks([CHECKS[name] for name in names or CHECKS], self.look())

    def findings(self, name: str) -> tuple[Finding, ...]:
        (result,) = self.results(name)
        assert (result.broken, result.skipped) == ("", "")
        return result.findings

    def finding(self, name: str) -> Finding:
        (found,) = self.findings(name)
        assert found.remedy
        return found


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.mark.parametrize("name", CHECKS)
def test_a_good_site_passes(site, name):
    site.remember(description={"boot_mode": "uefi"}, controller="redfish:https://10.0.0.11#")
    assert site.findings(name) == ()


def test_every_check_has_a_name_and_a_title_of_its_own():
    assert len({check.title for check in CHECKS.values()}) == len(CHECKS)
    assert all(name == check.name for name, check in CHECKS.items())


# -- state -----------------------------------------------------------------------------------------


def test_an_older_schema_fails(site):
    lay_out("state-1", site.state)
    found = site.finding("state-schema")
    assert found.level is Level.FAILURE
    assert found.text == f"the state has schema 1, this bmctl works with {SCHEMA}"
    assert found.remedy == "bmctl upgrade --fix"
    assert found.place == str(site.state)


def test_a_newer_schema_fails_and_its_records_are_not_guessed_at(site):
    site.put(site.state / "schema.json", json.dumps({"schema": SCHEMA + 1}))
    assert site.finding("state-schema").level is Level.FAILURE
    assert {result.skipped for result in site.results("records", "runs", "held")} == {
        "the state was written by a newer bmctl"
    }


def test_a_schema_file_that_says_nothing_fails(site):
    site.put(site.state / "schema.json", "{}")
    assert site.finding("state-schema").level is Level.FAILURE


def test_no_state_at_all_is_fine(site):
    results = site.results("state-schema", "records", "locks", "runs", "held", "secrets")
    assert all(result.level is Level.SUCCESS for result in results)
    assert not site.state.exists()


def test_a_record_that_cannot_be_read_fails(site):
    site.remember()
    site.put(site.state / "nodes/n1.json", '{"rec')
    found = site.finding("records")
    assert (found.level, found.node) == (Level.FAILURE, "n1")
    assert found.place.endswith("nodes/n1.json")


def test_a_record_that_means_nothing_fails(site):
    site.store.put("nodes/n1", {"name": "n1", "provision_state": "dreaming"}, if_revision=0)
    assert "cannot be understood" in site.finding("records").text


def test_old_records_are_looked_at_in_their_new_form(site):
    lay_out("state-1", site.state)
    look = site.look()
    assert "unknown" in look.records["n1"]["listings"]
    assert {finding.node for finding in site.findings("held")} == {"n4"}
    assert {finding.node for finding in site.findings("runs")} == {"n3"}
    assert {finding.node for finding in site.findings("locks")} == {"n3"}


def test_a_lock_of_the_dead_warns(site):
    store = site.store
    owner = replace(this_process("bmctl deploy", since=NOW - 300), started=1)
    store.lock(node_key("n1"), owner, lease=60.0)
    found = site.finding("locks")
    assert (found.level, found.node) == (Level.WARNING, "n1")
    assert "took the lock 5 min ago, and is gone" in found.text


def test_a_lock_of_the_living_fails(site):
    with site.store.lock(node_key("n1"), this_process("bmctl deploy", since=NOW - 300), lease=60.0):
        found = site.finding("locks")
    assert found.level is Level.FAILURE
    assert "held by bmctl deploy" in found.text
    assert site.findings("locks") == ()


@pytest.mark.parametrize("state", ["deploying", "wait call-back", "cleaning", "inspect wait", "servicing"])
def test_an_unfinished_run_warns(site, state):
    site.remember(provision_state=ProvisionState(state), run_id="20270101T000000Z-aaaaaa")
    found = site.finding("runs")
    assert (found.level, found.node) == (Level.WARNING, "n1")
    assert state in found.text
    assert found.remedy.endswith("bmctl resume n1")


@pytest.mark.parametrize("state", ["deploy hold", "clean hold", "service hold"])
def test_a_held_node_warns(site, state):
    site.remember(provision_state=ProvisionState(state), last_error="the image has changed")
    assert site.finding("held").text == "held for an operator: the image has changed"
    assert site.findings("runs") == ()


# -- inventory -------------------------------------------------------------------------------------


def test_no_inventory_warns_once_and_the_rest_is_skipped(site):
    site.inventory = None
    results = {result.check.name: result for result in site.results()}
    assert results["inventory"].level is Level.WARNING
    assert results["tls"].skipped == "there is no inventory"
    assert not any(result.broken for result in results.values())


def test_an_inventory_that_was_named_and_is_not_there_fails(site):
    site.inventory = site.path / "missing.yaml"
    assert site.finding("inventory").level is Level.FAILURE


def test_every_mistake_is_told_with_its_place(site):
    site.write(NODE + "    boot: floppy\n    colour: red\n")
    found = site.findings("inventory")
    assert {finding.level for finding in found} == {Level.FAILURE}
    assert [finding.place.rpartition("inventory.yaml")[2] for finding in found] == [":5:11", ":6:5"]


def test_a_wrong_node_does_not_hide_the_others(site):
    site.write(
        NODE.replace("n1", "n0").replace("10.0.0.11", "").replace("34:01", "34:02")
        + NODE
        + "    boot_mode: bios\n"
    )
    assert site.finding("boot-mode").node == "n1"


def test_an_unreadable_inventory_is_one_failure(site):
    site.put(site.inventory, "nodes: [")
    results = site.results()
    assert [result.check.name for result in results if result.level is Level.FAILURE] == ["inventory"]


OLD_KEYS = (
    KeyChange(path=("ready",), fate=Fate.RENAMED, name="wait_for", since="9.0", why="it waits"),
    KeyChange(path=("bmc", "auth"), fate=Fate.REMOVED, since="9.0", why="it is found out", still_read=True),
    KeyChange(path=("group",), fate=Fate.REQUIRED, since="9.0", why="hosts own groups"),
)


def test_changed_keys_are_told_with_what_became_of_them(site, monkeypatch):
    monkeypatch.setattr(inventory_keys, "find_changes", lambda root: find_changes(root, OLD_KEYS))
    site.write(NODE.replace("{address", "{auth: basic, address") + "    ready: {tcp: 22}\n")
    renamed, removed, required = site.findings("inventory-keys")
    assert renamed.text == "nodes[0].ready is called wait_for since 9.0: it waits"
    assert (renamed.level, renamed.remedy) == (Level.FAILURE, "bmctl upgrade --fix")
    assert renamed.place.endswith("inventory.yaml:5:5")
    assert removed.level is Level.WARNING
    assert removed.place.endswith("inventory.yaml:3:11")
    assert required.text == "nodes[0].group must be given since 9.0: hosts own groups"
    assert required.remedy == "write it down"


def test_defaults_that_changed_are_told_until_the_upgrade(site):
    lay_out("state-1", site.state)
    found = site.findings("defaults")
    assert {finding.node for finding in found} == {"n1"}
    assert any("cleaning.automated is true" in finding.text for finding in found)
    assert all(finding.place.endswith("inventory.yaml:2:5") for finding in found)


@pytest.mark.parametrize("before", ["", "defaults: {cleaning: {automated: true}}\n"])
def test_what_the_inventory_says_itself_is_no_default(site, before):
    lay_out("state-1", site.state)
    own = "" if before else "    cleaning: {automated: true}\n"
    site.write(NODE + own, before=before)
    assert not any("cleaning" in finding.text for finding in site.findings("defaults"))


def test_a_driver_that_is_gone_fails(site):
    site.remember(controller="telnet:10.0.0.11#")
    assert "the driver telnet" in site.finding("drivers").text


def test_certificates_that_are_not_checked_warn_where_it_is_said(site):
    node = NODE.replace(", password", ", verify: false, password")
    site.write(
        node, before="images: {d: {source: https://x.example/d, checksum: " + "a" * 64 + ", verify: false}}\n"
    )
    controller, image = site.findings("tls")
    assert (controller.level, controller.node) == (Level.WARNING, "n1")
    assert controller.place.endswith("inventory.yaml:4:49")
    assert image.text.startswith("image d:")


def test_a_controller_without_tls_warns(site):
    site.write(NODE.replace("https://10", "http://10"))
    assert "without TLS" in site.finding("tls").text


def test_what_defaults_give_is_told_where_it_stands(site):
    site.write(NODE, before="defaults:\n  bmc: {verify: false}\n")
    assert site.finding("tls").place.endswith("inventory.yaml:2:17")


@pytest.mark.parametrize(
    ("image", "level"),
    [
        ("checksum: " + "a" * 32, Level.FAILURE),
        ("checksum: sha1:" + "a" * 40 + ", allow_weak_checksum: true", Level.WARNING),
        ("checksum: https://x.example/MD5SUMS, allow_weak_checksum: true", Level.WARNING),
        ("checksum: https://x.example/d.sha1", Level.FAILURE),
        ("verify: true", Level.FAILURE),
        ("checksum: " + "a" * 64, None),
        ("checksum: https://x.example/SHA512SUMS", None),
    ],
)
def test_weak_checksums(site, image, level):
    site.write(NODE, before=f"images:\n  d: {{source: https://x.example/d.qcow2, {image}}}\n")
    assert [finding.level for finding in site.findings("checksums")] == ([level] if level else [])


def test_an_image_that_a_node_names_itself_is_looked_at(site):
    site.write(NODE + "    image: https://x.example/d.qcow2\n")
    assert site.finding("checksums").place.endswith("inventory.yaml:5:12")


def test_legacy_firmware_warns(site):
    site.write(NODE + "    boot_mode: bios\n")
    assert "legacy BIOS" in site.finding("boot-mode").text


def test_who_relies_on_the_default_boot_mode_against_the_machine_is_warned(site):
    site.remember(description={"boot_mode": "bios"})
    assert "unsaid means uefi" in site.finding("boot-mode").text


# -- secrets ---------------------------------------------------------------------------------------


def test_a_password_that_everybody_may_read_fails_and_is_not_shown(site):
    site.write(NODE.replace("env:BMC", "hunter2"))
    assert site.finding("secrets").level is Level.WARNING
    site.inventory.chmod(0o644)
    found = site.finding("secrets")
    assert found.level is Level.FAILURE
    assert "hunter2" not in str(found)


def test_a_secret_file_that_everybody_may_read_fails(site):
    site.write(NODE.replace("env:BMC", "file:secret"))
    site.put(site.path / "secret", "hunter2\n").chmod(0o644)
    assert site.finding("secrets").remedy.startswith("chmod o-r ")


def test_a_state_that_others_may_read_fails(site):
    site.remember()
    site.state.chmod(0o755)
    assert site.finding("secrets").remedy == f"chmod 700 {site.state}"


# -- boot files ------------------------------------------------------------------------------------


def test_a_ramdisk_that_is_cut_short_fails(site):
    (initramfs,) = site.cache.glob("ramdisks/files/*/initramfs")
    initramfs.write_text("")
    texts = [finding.text for finding in site.findings("ramdisks")]
    assert texts == ["the files of the ramdisk small are missing or cut short", "a deploy ramdisk is missing"]


def test_a_ramdisk_of_another_name_that_is_missing_fails(site):
    site.write(NODE + "    ramdisk: ours\n")
    found = site.finding("ramdisks")
    assert (found.node, found.text) == ("n1", "the ramdisk ours is missing")


@pytest.mark.parametrize(
    ("version", "level"),
    [
        ("11.5.0", Level.FAILURE),
        ("12.0.0", None),
        ("13.0.0", None),
        ("13.4.2.dev3", None),
        (f"{agent_version.NEWEST_MAJOR + 1}.0.0", Level.WARNING),
        (None, None),
        ("unknown", None),
    ],
)
def test_agent_versions(site, version, level):
    site.ramdisk(agent=version)
    assert [finding.level for finding in site.findings("agent-version")] == ([level] if level else [])


def test_the_agent_of_a_ramdisk_of_others_is_known_once_it_ran(site):
    from bmctl.ramdisk.shelf import find

    site.remember(listings={find(site.cache / "ramdisks").digest: {"agent": "9.1.0", "learnt": NOW}})
    assert "ramdisk small has agent 9.1.0" in site.finding("agent-version").text


def test_loaders_that_are_missing_fail(site):
    (site.roots / LOADERS[0]).unlink()
    (site.roots / LOADERS[1]).unlink()
    assert "no UEFI boot loader for x86_64" in site.finding("loaders").text


def test_loaders_that_do_not_suit_a_node_fail(site):
    (site.roots / LOADERS[0]).unlink()
    (site.roots / LOADERS[2]).unlink()
    site.write(
        NODE
        + "    secure_boot: true\n"
        + NODE.replace("n1", "n2").replace("34:01", "34:02").replace(".11", ".12")
        + "    boot_mode: bios\n"
    )
    assert {finding.node: finding.level for finding in site.findings("loaders")} == {
        "n1": Level.FAILURE,
        "n2": Level.FAILURE,
    }


def test_a_loader_that_is_another_one_now_warns(site):
    loader = site.roots / LOADERS[0]
    remember(site.store, [loader], now=NOW - 7200)
    assert site.findings("boot-files") == ()
    loader.write_text("another build")
    found = site.finding("boot-files")
    assert found.level is Level.WARNING
    assert found.place == str(loader)
    assert "is another one than machines were booted with 2 h 0 min ago" in found.text
    loader.unlink()
    assert "is gone" in site.finding("boot-files").text
    loader.write_text("another build")
    remember(site.store, [loader], now=NOW)
    assert site.findings("boot-files") == ()


def test_a_file_that_was_only_touched_is_the_same(site):
    loader = site.roots / LOADERS[0]
    remember(site.store, [loader], now=NOW)
    content = loader.read_text()
    loader.unlink()
    loader.write_text(content)
    assert site.findings("boot-files") == ()


# -- templates and runbooks ------------------------------------------------------------------------

STEPS = """\
templates:
  CUSTOM_WIPE:
    steps:
      - {interface: deploy, step: erase_devices_metadata, priority: 95}
runbooks:
  CUSTOM_REFRESH:
    steps:
      - {interface: deploy, step: burnin_cpu}
"""
TRAITS = "    traits: [CUSTOM_WIPE, CUSTOM_REFRESH]\n    instance: {traits: CUSTOM_WIPE}\n"


def listing(*keys: str) -> dict[str, object]:
    return {
        "versions": {},
        "steps": [
            {"interface": interface, "step": step, "priority": 0, "arguments": {}}
            for interface, _, step in (key.partition(".") for key in keys)
        ],
    }


def test_steps_that_nobody_was_asked_for_yet_are_no_mistake(site):
    site.write(NODE + TRAITS, before=STEPS)
    assert site.findings("steps") == ()


def test_steps_that_the_remembered_ramdisk_does_not_offer_fail(site):
    from bmctl.ramdisk.shelf import find

    digest = find(site.cache / "ramdisks").digest
    told = {"deploy": listing("deploy.write_image"), "clean": listing(), "service": listing()}
    site.remember(listings={digest: {**told, "learnt": NOW, "agent": "13.0.0"}})
    site.write(NODE + TRAITS, before=STEPS)
    template, runbook = site.findings("steps")
    assert (template.level, template.node) == (Level.FAILURE, "n1")
    assert template.place.rpartition("inventory.yaml")[2].startswith(":4:")
    assert "erase_devices_metadata" in template.text
    assert runbook.place.rpartition("inventory.yaml")[2].startswith(":8:")


def test_a_runbook_is_right_where_one_kind_of_operation_has_its_steps(site):
    from bmctl.ramdisk.shelf import find

    digest = find(site.cache / "ramdisks").digest
    told = {
        "deploy": listing("deploy.erase_devices_metadata"),
        "clean": listing(),
        "service": listing("deploy.burnin_cpu"),
    }
    site.remember(listings={digest: {**told, "learnt": NOW, "agent": "13.0.0"}})
    site.write(NODE + TRAITS, before=STEPS)
    assert site.findings("steps") == ()


# -- how they are run ------------------------------------------------------------------------------


def test_a_check_that_breaks_is_named_and_the_others_run(site):
    def broken(_look: Look) -> Iterator[Finding]:
        raise ZeroDivisionError("nothing to divide by")

    bad = Check(name="bad", title="Bad", run=broken)
    first, second = run_checks([bad, CHECKS["tls"]], site.look())
    assert first.broken == "ZeroDivisionError: nothing to divide by"
    assert (second.broken, second.level) == ("", Level.SUCCESS)


def test_checks_change_nothing(site):
    lay_out("state-1", site.state)
    before = {path: path.stat().st_mtime_ns for path in site.path.rglob("*")}
    site.results()
    assert {path: path.stat().st_mtime_ns for path in site.path.rglob("*")} == before


def test_the_worst_finding_counts():
    findings = tuple(
        Finding(level=level, text="x", remedy="y") for level in (Level.WARNING, Level.FAILURE, Level.WARNING)
    )
    (result,) = run_checks([Check(name="x", title="X", run=lambda _look: findings)], None)
    assert result.level is Level.FAILURE
