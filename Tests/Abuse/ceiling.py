"""The ceiling of resident memory that the README states, as a function of the settings."""

import re
import subprocess

from service import ROOT, SOFTMAXD

MIB = 1 << 20


def terms():
    """The README's sum: (coefficient in bytes, names of the settings it is multiplied with)."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    line = re.search(r"^    \d.* connections .*$", text, re.M).group(0)
    found = re.findall(r"(\d+(?:\.\d+)?)( MiB| B)?((?: · [a-z-]+)*)", line)
    assert len(found) == 5, line
    return [(float(number) * (MIB if unit == " MiB" else 1), names.split(" · ")[1:]) for number, unit, names in found]


def ceiling(settings):
    """The sum in bytes; `settings` has a number for each name in it."""
    total = 0
    for term, names in terms():
        for name in names:
            term *= settings[name]
        total += term
    return total


def number(value):
    """A setting as it is printed, 512 or 64KiB, as a number; other text as it is."""
    found = re.fullmatch(r"(\d+)(?:([KMGT])iB)?", value)
    if not found:
        return value
    return int(found[1]) << 10 * (" KMGT".index(found[2]) if found[2] else 0)


def ceiling_of_service(flags):
    """The same for a service with these flags, bytes."""
    printed = subprocess.run([SOFTMAXD, "--print-config", *flags], capture_output=True, text=True, check=True).stdout
    settings = {}
    for entry in printed.splitlines():
        name, value = entry.split("=", 1)
        settings[name.removeprefix("SOFTMAXD_").lower().replace("_", "-")] = number(value)
    settings["connections"] = settings["max-connections"] + settings["reserved-connections"]
    return ceiling(settings)
