"""Which characters are escaped and which are not, and that no output bypasses this."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from airflow_kubernetes_secrets.errors import KubernetesSecretsError, MalformedSecretError, OneLineError
from airflow_kubernetes_secrets.manifests.yaml_text import yaml_text
from airflow_kubernetes_secrets.messages.printable import printable, printable_line, printable_lines, shell_word
from support.hostile import FILE_NAMES, assert_harmless, assert_one_message, is_seen

# Any characters, with those that matter here more often.
TEXTS = st.text(
    st.one_of(st.characters(codec=None), st.sampled_from("\n\r\t\x1b\x9b\u202e\u2028\u200b\ufe0f:#[] \\\udcff'\"%"))
)

all_names = pytest.mark.parametrize("name", FILE_NAMES.values(), ids=FILE_NAMES)


@all_names
def test_a_hostile_name(name: str) -> None:
    assert_harmless(f"Secret {printable(name)}")
    assert_harmless(printable_line(name))
    assert "\n" not in printable(name)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", r"a\nb"),
        ("a\x1b[31m", r"a\x1b[31m"),
        ("a\x9b", r"a\x9b"),
        ("a\u202eb", r"a\u202eb"),
        ("a\udcff", r"a\udcff"),
        ("a\U000e0041", r"a\U000e0041"),
        ("a\ufe0f", r"a\ufe0f"),
        ("a\U000e0100", r"a\U000e0100"),
        ("###[x]", r"##\u0023[x]"),
        ("##vso[x]##[y]", r"#\u0023vso[x]#\u0023[y]"),
        (Path("a\tb"), r"a\tb"),
    ],
)
def test_escaped_characters(text: object, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    "text",
    ["", "my_db", r"domain\user", "team/größe", "日本語", "हिन्दी", "العربية", "😀", "e\u0301", "::1", "## a", "a%b"],
)
def test_unchanged_text(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("::error::x", r"\u003a:error::x"),
        ("  ::x", r"  \u003a:x"),
        ("a ::x", "a ::x"),
        ("", ""),
        ("\u2003::x", r"\u2003::x"),
    ],
)
def test_a_line(text: str, shown: str) -> None:
    assert printable_line(text) == shown


def test_messages_of_several_lines() -> None:
    text = "may not list. Grant it:\n  kubectl create role\nWithout it\n::error::x\nERROR x"
    assert printable_lines(text).split("\n") == [
        "may not list. Grant it:",
        "  kubectl create role",
        "  Without it",
        r"  \u003a:error::x",
        "  ERROR x",
    ]


@given(TEXTS)
def test_any_text(text: str) -> None:
    shown = printable(text)
    assert all(map(is_seen, shown))
    assert printable(shown) == shown
    assert_harmless(printable_line(text))
    lines = printable_lines(text)
    assert_one_message(lines)
    assert printable_lines(lines) == lines
    assert lines.count("\n") == text.count("\n")


@given(st.characters(codec=None))
def test_visible_characters_are_unchanged(character: str) -> None:
    assert (printable(character) == character) is is_seen(character), unicodedata.category(character)


@given(TEXTS)
def test_shell_word(text: str) -> None:
    assert shlex.split(f"kubectl {shell_word(text)} x") == ["kubectl", printable(text), "x"]


@all_names
def test_shell_word_in_a_real_shell(name: str, tmp_path: Path) -> None:
    program = f"{shlex.quote(sys.executable)} -c 'import sys; print(ascii(sys.argv[1:]))' {shell_word(name)}"
    done = subprocess.run(["sh", "-c", program], capture_output=True, text=True, timeout=180, check=True, cwd=tmp_path)
    assert done.stdout == f"{[printable(name)]!a}\n"
    assert list(tmp_path.iterdir()) == []


@given(st.recursive(TEXTS, lambda each: st.lists(each) | st.dictionaries(TEXTS, each), max_leaves=8))
def test_yaml_preserves_the_content(document: object) -> None:
    text = yaml_text([document])
    assert_harmless(text)
    # PyYAML reads the escape of a single surrogate, but not a pair of them as two characters.
    assert json.dumps(yaml.safe_load(text), sort_keys=True) == json.dumps(document, sort_keys=True)


@all_names
def test_error_messages_are_printable(name: str) -> None:
    """Airflow logs the messages of errors."""
    assert_one_message(str(KubernetesSecretsError(f"{name}: wrong. Do:\n  kubectl {name}")))
    assert "\n" not in str(OneLineError(name))
    assert_harmless(str(OneLineError(f"the folder {name}")))
    assert_harmless(str(MalformedSecretError(name, name, name, name)))
