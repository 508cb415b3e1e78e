"""Which disk of a machine the image goes to."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RootDeviceHints:
    """Root device hints in the agent's own language; all given ones must match one disk.

    Strings may start with the agent's operators (`s==`, `<in>`, `<or>` ...); `size` is in GiB and
    may start with a numeric operator. With none given the agent takes the smallest disk of 4 GiB
    or more.
    """

    name: str | None = None
    model: str | None = None
    vendor: str | None = None
    serial: str | None = None
    wwn: str | None = None
    wwn_with_extension: str | None = None
    wwn_vendor_extension: str | None = None
    hctl: str | None = None
    by_path: str | None = None
    tran: str | None = None
    size: int | str | None = None
    rotational: bool | None = None

    def given(self) -> dict[str, str | int | bool]:
        """Only the hints that were given, under the names the agent knows."""
        return {key: value for key, value in asdict(self).items() if value is not None}
