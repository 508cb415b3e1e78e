"""What the manual shows as typed and answered is typed here, and must be answered so.

A console block is left out where a comment `<!-- not typed by tests: REASON -->` stands before it. In an
answer `...` stands for any text, and alone on a line for any lines.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", *(f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md")))]
FENCE = re.compile(
    r"(?m)^(?P<mark><!-- not typed by tests: .* -->\n)?^```(?P<kind>console|yaml)\n(?P<text>(?s:.*?))^```$"
)


@dataclass(frozen=True)
class Typed:
    """A command of a console block, and what it is said to answer."""

    command: str
    answer: str


def blocks(page: str, kind: str) -> list[str]:
    found = FENCE.finditer((ROOT / page).read_text())
    return [match["text"] for match in found if match["kind"] == kind and not match["mark"]]


def typed(block: str) -> list[Typed]:
    parts = re.split(r"(?m)^\$ ", block)
    assert parts[0] == "", "a console block starts with a command"
    return [Typed(*part.partition("\n")[::2]) for part in parts[1:]]


def fits(answer: str, said: str) -> bool:
    lines = (re.escape(line).replace(r"\.\.\.", ".*") for line in answer.splitlines())
    pattern = "".join(r"(?:.*\n)*?" if line.strip() == ".*" else f"{line}\n" for line in lines)
    return re.fullmatch(pattern, said) is not None


@pytest.fixture
def reader(tmp_path: Path) -> Path:
    """The directory of somebody who does what the README says, its inventory included."""
    (tmp_path / "inventory.yaml").write_text(blocks("README.md", "yaml")[0])
    (tmp_path / "inventory.example.yaml").write_text((ROOT / "inventory.example.yaml").read_text())
    return tmp_path


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "console")])
def test_console_blocks(page, reader):
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("BMCTL_")},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "BMCTL_STATE": str(reader / "state"),
        "BMCTL_CACHE": str(reader / "cache"),
        "HOME": str(reader),
    }
    for one in (one for block in blocks(page, "console") for one in typed(block)):
        done = subprocess.run(
            ("sh", "-c", one.command),
            cwd=reader,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        assert fits(one.answer, done.stdout), f"$ {one.command}\n{done.stdout}"


def test_four_lines_make_a_node(reader):
    four = (reader / "inventory.yaml").read_text().splitlines()[:4]
    (reader / "four.yaml").write_text("\n".join(four) + "\n")
    done = subprocess.run(
        (Path(sys.executable).with_name("bmctl"), "-i", "four.yaml", "inventory", "check"),
        cwd=reader,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "four.yaml: 1 node, no mistakes\n")


@pytest.mark.parametrize("page", [*PAGES, "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_links_lead_somewhere(page):
    text = (ROOT / page).read_text()
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text)
    local = [target for target in targets if "://" not in target]
    missing = [target for target in local if not ((ROOT / page).parent / target).exists()]
    assert missing == []


def test_no_document_is_left_out_of_the_index():
    index = (ROOT / "docs" / "index.md").read_text()
    assert [page.name for page in (ROOT / "docs").glob("*.md") if page.name not in index] == ["index.md"]
