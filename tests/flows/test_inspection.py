"""What an inspection concludes, and which machines an operator's rules are for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paper_node import make_node

from bmctl.agent.hardware import read_hardware
from bmctl.flows.inspection import conclude
from bmctl.flows.inspection_rules import holds, values_at
from bmctl.model.hints import RootDeviceHints
from bmctl.model.inspection import Comparison, Condition, InspectionRule

GIB = 2**30
DOCUMENT: dict[str, Any] = {
    "memory": {"physical_mb": 65536, "total": 64 * GIB},
    "disks": [
        {"name": "/dev/sda", "rotational": True, "size": 500 * GIB, "serial": "A1"},
        {"name": "/dev/sdb", "rotational": False, "size": 100 * GIB, "serial": None},
    ],
    "interfaces": [{"name": "eno1", "mac_address": "52:54:00:aa:bb:01", "has_carrier": True, "lldp": []}],
    "cpu": {"count": 16, "architecture": "x86_64", "flags": ["vmx", "aes", "avx2"], "frequency": "2600.0"},
    "system_vendor": {"manufacturer": "ACME", "product_name": "Model 9", "serial_number": "SN1"},
    "boot": {"current_boot_mode": "uefi", "pxe_interface": None},
    "hostname": "",
}


def found(text: str) -> bool:
    """Whether a condition, written as people say it, holds for the document."""
    field, op, *value = text.split(" ", 2)
    condition = Condition(field=field, comparison=Comparison(op), value=value[0] if value else None)
    return holds(condition, DOCUMENT)


@pytest.mark.parametrize(
    "text",
    [
        "memory.physical_mb ge 65536",
        "memory.physical_mb eq 65536",
        "memory.physical_mb lt 65536.5",
        "cpu.frequency gt 2500",
        "cpu.flags contains AVX2",
        "cpu.flags.0 eq vmx",
        "system_vendor.product_name contains model",
        "system_vendor.product_name matches Model [0-9]+",
        "system_vendor.manufacturer eq acme",
        "disks.*.rotational eq false",
        "disks.*.rotational eq yes",
        "disks.*.rotational matches true",
        "disks.*.size le 107374182400",
        "disks.*.serial ne A1",
        "disks.*.serial is-empty",
        "interfaces.*.lldp is-empty",
        "boot.pxe_interface is-empty",
        "hostname is-empty",
    ],
)
def test_conditions_that_hold(text: str):
    assert found(text)


@pytest.mark.parametrize(
    "text",
    [
        "memory.physical_mb gt 65536",
        "memory.slots is-empty",
        "memory.slots ne 4",
        "memory ge 1",
        "cpu.flags.7 eq vmx",
        "cpu.flags contains avx",
        "cpu.*.count eq 16",
        "system_vendor.product_name matches Model",
        "system_vendor.product_name gt 3",
        "disks.*.rotational gt 0",
        "disks.*.name is-empty",
        "disks.0.rotational eq no",
        "boot.pxe_interface eq none",
        "boot.pxe_interface matches .*",
    ],
)
def test_conditions_that_do_not_hold(text: str):
    assert not found(text)


leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
documents = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(documents, st.sampled_from([each for each in Comparison if each is not Comparison.MATCHES]))
def test_no_answer_of_an_agent_breaks_a_condition(document: Any, comparison: Comparison):
    holds(Condition(field="a.*.b", comparison=comparison, value="1"), {"a": document})
    holds(Condition(field="a", comparison=comparison, value="1"), {"a": document})


@given(st.lists(st.integers()))
def test_a_star_leads_to_every_element(numbers: list[int]):
    assert list(values_at({"a": [{"b": number} for number in numbers]}, ("a", "*", "b"))) == numbers


def conclude_on(document: Any = None, *rules: InspectionRule, **more: Any) -> Any:
    hints = more.pop("hints", RootDeviceHints())
    return conclude(
        read_hardware(document or DOCUMENT),
        node=make_node(root_device=hints),
        description=more.get("description", {}),
        rules=rules,
    )


def test_properties_and_traits_of_a_machine():
    findings = conclude_on(description={"secure_boot": "enabled", "serial": "other"})
    assert findings.properties == {
        "cpus": 16,
        "cpu_arch": "x86_64",
        "memory_mb": 65536,
        "local_gb": 100,
        "vendor": "ACME",
        "model": "Model 9",
        "serial": "SN1",
        "boot_mode": "uefi",
        "capabilities": "boot_mode:uefi,secure_boot:true,cpu_vt:true,cpu_aes:true",
    }
    assert findings.traits == (
        "HW_ARCH_X86_64",
        "HW_CPU_X86_AESNI",
        "HW_CPU_X86_AVX2",
        "HW_CPU_X86_VMX",
        "STORAGE_DISK_SSD",
    )
    assert findings.remarks == ()


def test_local_gb_is_of_the_disk_that_the_image_goes_to():
    findings = conclude_on(hints=RootDeviceHints(serial="A1"))
    assert findings.properties["local_gb"] == 500
    assert "STORAGE_DISK_HDD" in findings.traits


def test_a_machine_without_a_disk_is_concluded_on_all_the_same():
    findings = conclude_on({**DOCUMENT, "disks": []})
    assert "local_gb" not in findings.properties
    assert findings.remarks == ("no local_gb: no disk of the machine holds 4 GiB or more",)


def test_the_controller_tells_what_the_agent_does_not():
    findings = conclude_on(
        {"interfaces": [], "disks": []}, description={"manufacturer": "ACME", "serial": "SN1"}
    )
    assert findings.properties == {"vendor": "ACME", "serial": "SN1"}


def rule(text: str = "", **gives: Any) -> InspectionRule:
    when = ()
    if text:
        field, op, *value = text.split(" ", 2)
        when = (Condition(field=field, comparison=Comparison(op), value=value[0] if value else None),)
    return InspectionRule(when=when, **gives)


def test_rules_give_traits_and_properties_to_those_they_are_for():
    findings = conclude_on(
        None,
        rule("memory.physical_mb ge 65536", traits=("CUSTOM_BIG",), properties={"size": "big", "bay": "1"}),
        rule("memory.physical_mb ge 99999", traits=("CUSTOM_HUGE",)),
        rule(properties={"bay": "2", "vendor": "ours"}, description="every machine of ours"),
        rule("properties.local_gb eq 100", traits=("CUSTOM_BIG",)),
        rule("controller.model contains x9", traits=("CUSTOM_X9",)),
        description={"model": "ACME X9"},
    )
    assert findings.properties["size"] == "big"
    assert findings.properties["bay"] == "2"
    assert findings.properties["vendor"] == "ours"
    assert [trait for trait in findings.traits if trait.startswith("CUSTOM")] == ["CUSTOM_BIG", "CUSTOM_X9"]
    assert findings.matched == (
        "memory.physical_mb ge 65536",
        "every machine of ours",
        "properties.local_gb eq 100",
        "controller.model contains x9",
    )
