"""A report holds what is known of a run, and no secret, wherever one was left."""

from __future__ import annotations

import io
import ipaddress
import json
import stat
import tarfile
from pathlib import Path

import pytest

from bmctl.errors import BmctlError
from bmctl.model.event import EventKind
from bmctl.model.image import ImageSource
from bmctl.model.network import Attachment, Ethernet, NetworkConfig
from bmctl.model.node import Bmc, Instance, Node
from bmctl.model.secret import SecretKind, SecretReference
from bmctl.reporting.archive import Report, write_report
from bmctl.reporting.inventory_entry import inventory_entry
from bmctl.reporting.redaction import Redaction

TOKEN = "tok-9f8e7d6c5b4a"
PASSWORD = 'pä"ss & <wörd>'
PATH_KEY = "key_AbCdEfGhIjKlMnOp"
KEY_PEM = (
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEA\n-----END PRIVATE KEY-----\n"
)
KNOWN = (TOKEN, PASSWORD, PATH_KEY, KEY_PEM)
# What nobody told the report, but looks like a secret where it stands.
UNKNOWN = "hunter2-unknown"


def agent_logs(text: str) -> bytes:
    """A tar.gz as an agent makes it, with a log and a compressed log in it."""
    import gzip

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in (("journal", text.encode()), ("old.gz", gzip.compress(text.encode()))):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def node() -> Node:
    network = NetworkConfig(
        links=(Ethernet(name="eth0", mac="52:54:00:00:00:01"),),
        attachments=(Attachment(link="eth0", addresses=(ipaddress.ip_interface("10.0.0.11/24"),)),),
    )
    return Node(
        name="n1",
        bmc=Bmc(
            address="https://10.0.0.1",
            username="admin",
            password=SecretReference(SecretKind.LITERAL, PASSWORD),
        ),
        network=network,
        instance=Instance(
            hostname="n1", user_data=f"#cloud-config\npassword: {PASSWORD}", meta={"password": UNKNOWN}
        ),
        image=ImageSource(name="debian", source=f"https://user:{UNKNOWN}@images.example/debian.raw"),
    )


@pytest.fixture
def report(run) -> Report:
    """A report of a run that left its secrets everywhere."""
    all_of_them = " ".join((*KNOWN, f"password={UNKNOWN}"))
    run.start()
    run.record.put("leak", {"deep": [all_of_them], "token": UNKNOWN, "key_pem": KEY_PEM})
    run.begin(f"agent.run_step:{TOKEN}", f"title {all_of_them}", part_of=all_of_them)
    run.tell(EventKind.WARNING, "agent.wait", all_of_them)
    run.tell(EventKind.NOTE, "agent.wait", all_of_them, fields={"password": UNKNOWN})
    run.fetch(1.0, 2**21, name=f"{PATH_KEY}.iso", parts={TOKEN: 5})
    run.fail(f"agent.run_step:{TOKEN}", all_of_them, f"try {TOKEN}", seen=all_of_them)
    run.end("failed", all_of_them)
    (run.folder.path / "agent-logs.tar.gz").write_bytes(agent_logs(all_of_them))
    run.folder.keep_secrets({"token": TOKEN, "path_key": PATH_KEY, "key_pem": KEY_PEM})
    run.folder.keep_plan(
        {
            "tasks": [
                {"task": "x.y", "part_of": "x", "args": {"url": f"http://h/{PATH_KEY}/", "password": UNKNOWN}}
            ]
        }
    )
    return Report(
        story=run.story(),
        folder=run.folder.path,
        record={"name": "n1", "last_error": all_of_them, "agent": {"agent_token": UNKNOWN}},
        inventory=inventory_entry(node()),
        plan=run.folder.read_plan(),
        secrets=KNOWN,
    )


def unpacked(report: Report, target: Path) -> dict[str, bytes]:
    """Every file of the archive, those in archives in it too."""
    write_report(report, target)
    found = {}
    with tarfile.open(target) as archive:
        for member in archive:
            content = archive.extractfile(member).read()
            found[member.name] = content
            if member.name.endswith(".tar.gz"):
                with tarfile.open(fileobj=io.BytesIO(content)) as inner:
                    found.update({f"{member.name}/{one.name}": _plain(inner, one) for one in inner})
    return found


def _plain(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    import gzip

    content = archive.extractfile(member).read()
    return gzip.decompress(content) if member.name.endswith(".gz") else content


def spellings(secret: str) -> set[str]:
    """The ways a secret can stand in a file."""
    import base64
    import html
    from urllib.parse import quote

    lines = {secret, *(line for line in secret.splitlines() if "KEY" not in line)}
    return {
        spelling
        for line in lines
        for spelling in (
            line,
            json.dumps(line)[1:-1],
            html.escape(line),
            quote(line, safe=""),
            base64.b64encode(line.encode()).decode().rstrip("="),
        )
    }


def test_no_secret_is_in_any_file(report, tmp_path):
    files = unpacked(report, tmp_path / "report.tar.gz")
    assert len(files) >= 12
    for name, content in files.items():
        text = content.decode(errors="replace") + name
        for secret in (*KNOWN, UNKNOWN):
            found = [spelling for spelling in spellings(secret) if spelling in text]
            assert found == [], f"{name} has {found}"


def test_the_page_alone_has_none_either(report):
    page = report.page()
    assert [one for secret in (*KNOWN, UNKNOWN) for one in spellings(secret) if one in page] == []


def test_what_was_planted_would_have_been_seen(report, tmp_path):
    """The test before these looks in the right places: without the redaction the secrets are there."""
    raw = b"".join(path.read_bytes() for path in sorted(report.folder.iterdir()))
    for secret in (*KNOWN, UNKNOWN):
        assert any(spelling.encode() in raw for spelling in spellings(secret))


def test_documents_stay_json(report, tmp_path):
    files = unpacked(report, tmp_path / "report.tar.gz")
    for name, content in files.items():
        if name.endswith(".json"):
            json.loads(content)
        if name.endswith(".jsonl"):
            assert [json.loads(line) for line in content.splitlines()]


def test_every_file_is_named_and_explained(report, tmp_path):
    files = unpacked(report, tmp_path / "report.tar.gz")
    names = [name.removeprefix(f"{report.name}/") for name in files if name.count("/") == 1]
    assert names[0] == "README.txt"
    assert sorted(names) == [
        "README.txt",
        "agent-logs.tar.gz",
        "events.jsonl",
        "fetches.jsonl",
        "inventory.json",
        "journal.jsonl",
        "node.json",
        "plan.json",
        "story.json",
        "timeline.html",
        "versions.json",
    ]
    readme = files[f"{report.name}/README.txt"].decode()
    assert all(name in readme for name in names[1:])


def test_the_run_s_secrets_are_not_packed(report):
    assert not any("secrets" in name for name in report.members())


def test_a_report_is_the_same_whenever_it_is_made(report, tmp_path):
    first, second = tmp_path / "a.tar.gz", tmp_path / "b.tar.gz"
    write_report(report, first)
    write_report(report, second)
    assert first.read_bytes() == second.read_bytes()
    assert stat.S_IMODE(first.stat().st_mode) == 0o600


def test_a_place_that_cannot_be_written_is_named(report, tmp_path):
    with pytest.raises(BmctlError, match="cannot write"):
        write_report(report, tmp_path / "not there" / "report.tar.gz")
    assert list(tmp_path.glob("*.gz")) == []


def test_logs_that_are_no_archive_are_left_out_and_say_so(report):
    (report.folder / "agent-logs.tar.gz").write_bytes(TOKEN.encode())
    assert b"left this out" in report.members()["agent-logs.tar.gz"]


def test_the_inventory_names_where_a_password_comes_from():
    entry = inventory_entry(node())
    assert entry["bmc"]["password_from"] == "the inventory itself"
    assert "password" not in entry["bmc"]
    assert entry["instance"]["user_data_digest"].startswith("sha256:")
    reference = SecretReference(SecretKind.ENV, "BMC_PASSWORD")
    assert Redaction(()).value({"password_from": f"env:{reference.text}"}) == {
        "password_from": "env:BMC_PASSWORD"
    }


def test_structure_and_what_is_no_secret_stay(report):
    story = json.loads(report.members()["story.json"])
    assert story["run"] == report.story.run
    assert story["outcome"] == "failed"
    assert [task["worker"] for task in story["tasks"]] == ["agent", "controller"]
