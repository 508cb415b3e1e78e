"""The page of states and its picture, made from the table of moves."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

from bmctl.model.states import ProvisionState

SCRIPTS = Path(__file__).parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))  # for the drawing beside the script
_spec = importlib.util.spec_from_file_location("state_diagram", SCRIPTS / "state_diagram.py")
state_diagram = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(state_diagram)


def test_page_and_picture_are_what_the_table_says():
    assert state_diagram.main(["--check"]) == 0, "write them anew with: make docs"


def test_every_move_is_drawn_once():
    _, drawn = state_diagram.draw()
    assert sorted(drawn) == sorted(state_diagram.moves())


def test_the_picture_names_every_state():
    picture = ET.fromstring(state_diagram.PICTURE.read_text())
    texts = {text for element in picture.iter() for text in (element.text or "").split(": ")}
    assert set(ProvisionState) <= texts
