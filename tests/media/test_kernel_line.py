"""The kernel line: what is refused, and that loaders hand on what was meant."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmctl.errors import InvalidError
from bmctl.media.kernel_line import for_grub, for_isolinux, kernel_line, split_line

WORDS = st.from_regex(r"[A-Za-z0-9_.-]{1,12}(=[!#-&(-\[\]-~ ]{0,20})?", fullmatch=True)


def test_agent_words_come_before_the_operators():
    line = kernel_line(publisher="abc", consoles=("ttyS1",), parameters=("quiet", "console=ttyS0"))
    assert line == "console=ttyS1 ir_pub_id=abc boot_method=vmedia quiet console=ttyS0"


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        ('a="b', "partner"),
        ("a=b\nc", "printable"),
        ("a=b\0", "printable"),
        ("a=é", "printable"),
        ("a='b'", "GRUB"),
        ("a=b\\c", "GRUB"),
        ("=x", "name"),
        ("a;reboot", "name"),
        ("x" * 3000, "3"),
    ],
)
def test_odd_parameters_are_refused(parameter, said):
    with pytest.raises(InvalidError, match=said):
        kernel_line(publisher="abc", parameters=(parameter,))


@given(st.lists(WORDS, max_size=8))
def test_grub_sees_every_word_as_it_was_meant(words):
    line = " ".join(
        f'{word.partition("=")[0]}="{word.partition("=")[2]}"' if " " in word else word for word in words
    )
    assert split_line(line) == tuple(words)
    # GRUB's quotes are the shell's.
    assert shlex.split(for_grub(line)) == words
    # isolinux passes the text on, and the kernel takes quotes as these do.
    assert shlex.split(for_isolinux(line)) == words
