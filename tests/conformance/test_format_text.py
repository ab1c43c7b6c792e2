"""The expressions that stand in export/FORMAT.md, taken from its text, fit the texts of cells.json and no others."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from mothernet_runtime.cells import BLANKS

HERE = Path(__file__).parent
CELLS = json.loads((HERE / "cells.json").read_text("utf-8"))
FORMAT = (HERE.parents[1] / "export" / "FORMAT.md").read_text("utf-8")
WHITE = "\t\n\v\f\r "


def section(title: str) -> str:
    return re.split(r"\n##", FORMAT.partition(f"### {title}\n")[2])[0]


def definitions(text: str) -> dict[str, list[str]]:
    """What stands behind ``name =`` in the code of a section, alternatives of a name in their order."""
    found: dict[str, list[str]] = {}
    names: list[str] = []
    for line in re.findall(r"(?m)^    (.*)$", text):
        if match := re.fullmatch(r"(?:(\w+(?:, \w+)*) *|  +)= (\S.*?)(?:  +.*)?", line):
            names = match[1].split(", ") if match[1] else names
            for name in names:
                found.setdefault(name, []).append(match[2])
    return found


def expanded(expression: str, parts: dict[str, str]) -> str:
    return re.sub("|".join(sorted(parts, key=len, reverse=True)), lambda match: parts[match[0]], expression)


def number_patterns(rule: dict[str, Any]) -> list[str]:
    parts = definitions(section("2.2 Numbers"))
    patterns = []
    for decimal, group in ((rule.get("decimal", "."), rule.get("group", "")), (".", "")):
        whole = parts["whole"][0 if not group else 2 if group == "," else 1]
        space, affix = parts["S"][0], re.escape(rule.get("affix", ""))
        known = {"S": space, "D": re.escape(decimal), "affix": affix}
        known["G"] = "[ \u00a0\u202f]" if group == " " else re.escape(group)
        known["whole"] = expanded(whole, {"G": known["G"]})
        known["digits"] = expanded(parts["digits"][0], {"whole": known["whole"], "D": known["D"]})
        known["percent"] = expanded(parts["percent"][0], {"S": space}) if rule.get("percent") else ""
        after = parts["after"][0]
        forms = [parts["before"][0], after] if affix else [after.removesuffix("(?:S affix)?")]
        patterns += [expanded(form.replace(" ", ""), known) for form in forms]
    return patterns


def date_patterns(rule: dict[str, Any]) -> list[str]:
    text = section("2.4 Dates and times")
    parts = {name: each[0] for name, each in definitions(text).items()}
    parts["time"] = expanded(parts["time"], {"zone": parts["zone"]})
    parts["rest"] = expanded(parts["rest"], {"time": parts["time"]})
    known = {name: parts[name] for name in ("time", "rest", "Y", "M", "D", "name", "s")}
    forms = re.findall("`(.+?)`", re.findall(rf"(?m)^\| `{rule['pattern']}` \| (.*)\|$", text)[0])
    same = [form.replace("sMsD", "(s)M\\1D").replace("DsMs", "D(s)M\\1").replace("MsDs", "M(s)D\\1") for form in forms]
    return [expanded(form, known) for form in same]


@pytest.mark.parametrize("name", ["number", "date"])
def test_the_expressions_fit_what_is_no_error(name: str) -> None:
    find = {"number": number_patterns, "date": date_patterns}[name]
    for number, rule in enumerate(CELLS[name]["rules"]):
        patterns = list(map(re.compile, find(rule)))
        for text, values in CELLS[name]["cells"]:
            cell, value = text.strip(WHITE), values[number]
            bare = re.sub(r"^(.*?)\((.*)\)(.*)$", r"\1\2\3", cell).strip(WHITE)
            fits = any(pattern.fullmatch(bare) for pattern in patterns)
            is_word = re.fullmatch(r"[+-]?(inf|infinity|nan)", cell, re.IGNORECASE) or rule["type"] == "boolean"
            is_missing = cell in BLANKS or cell in rule["missing"]
            assert fits or is_word or is_missing or value == "error", (text, rule)
            if fits and value == "error":  # two signs, a sign within parentheses, a day or time that does not exist
                assert name == "date" or bare != cell or len(re.findall(r"(?<![eE])[+-]", cell)) == 2, (text, rule)


def test_the_blanks_are_those_of_the_runtime() -> None:
    words = re.findall(r"(?m)^    (.*)$", section("2.1 Trimming and missing cells"))[0].split("  ")
    assert {word.replace("(nothing)", "") for word in words} == BLANKS
