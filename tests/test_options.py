"""``backend_kwargs``: accepted values, and the errors for others."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import airflow_kubernetes_secrets
from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import OptionError
from airflow_kubernetes_secrets.options.accepted_values import Map, Reference
from airflow_kubernetes_secrets.options.backend_kwargs import OPTIONS, Options
from support.pages import DOCS, PATIENCE, page_file


def test_defaults() -> None:
    assert Options.parse({}) == Options(
        namespace=None,
        connections_label="airflow.apache.org/connection-id",
        variables_label="airflow.apache.org/variable-key",
        config_label="airflow.apache.org/config-key",
        team_label="airflow.apache.org/team",
        connections_data_key="value",
        variables_data_key="value",
        config_data_key="value",
        service_account_path="/var/run/secrets/kubernetes.io/serviceaccount",
        kubeconfig=None,
        context=None,
        timeout=4,
    )


@pytest.mark.parametrize(
    ("name", "given", "taken"),
    [
        ("namespace", "airflow", ("airflow",)),
        ("namespace", "a" * 63, ("a" * 63,)),
        ("namespace", "b, a,b", ("b", "a")),
        ("namespace", ["b", "a"], ("b", "a")),
        ("namespace", None, None),
        ("namespace", "null", None),
        ("connections_label", None, None),
        ("connections_label", "null", None),
        ("variables_label", "NULL", None),
        ("config_label", "None", None),
        ("team_label", " null ", None),
        ("connections_label", "my-label", "my-label"),
        ("connections_label", "Example_1.x", "Example_1.x"),
        ("variables_label", "a.b-c.example.com/" + "x" * 63, "a.b-c.example.com/" + "x" * 63),
        ("connections_data_key", "tls.crt", "tls.crt"),
        ("config_data_key", "_X-1", "_X-1"),
        ("variables_data_key", "x" * 253, "x" * 253),
        ("timeout", 5, 5.0),
        ("timeout", 0.25, 0.25),
        ("timeout", "30", 30.0),
        ("timeout", " 2.5 ", 2.5),
        ("kubeconfig", "null", None),
        ("kubeconfig", "/path with spaces", "/path with spaces"),
        ("context", "kind-kind", "kind-kind"),
        ("service_account_path", "/tokens", "/tokens"),
        ("service_account_path", " /tokens", "/tokens"),
        ("path", "/manifests\n", "/manifests"),
        ("path", "/not-utf-8-\udce4", "/not-utf-8-\udce4"),
        ("context", "\tstaging ", "staging"),
        ("on_error", " deny\n", "deny"),
        ("team_namespaces", {"blue": "team-blue"}, {"blue": "team-blue"}),
        ("team_namespaces", '{"blue": "team-blue"}', {"blue": "team-blue"}),
        ("team_fallback", "False", False),
        ("team_fallback", 1, True),
        ("mask_values", "true", True),
        ("mask_values", "0", False),
        (
            "references",
            {"connections": {"my_db": "app-db-app"}},
            {"connections": {"my_db": Reference(None, "app-db-app", Map())}},
        ),
        (
            "references",
            '{"variables": {"a/b": "team-a/x.y"}}',
            {"variables": {"a/b": Reference("team-a", "x.y", Map())}},
        ),
        (
            "references",
            {"connections": {"x": {"secret": "a/b", "annotations": {"connection-type": "mysql"}}}},
            {"connections": {"x": Reference("a", "b", Map({"airflow.apache.org/connection-type": "mysql"}))}},
        ),
        (
            "references",
            {"connections": {"x": {"secret": "b", "annotations": {"airflow.apache.org/connection-type": "mysql"}}}},
            {"connections": {"x": Reference(None, "b", Map({"airflow.apache.org/connection-type": "mysql"}))}},
        ),
        ("references", {"config": {}}, {"config": {}}),
        ("path", "null", None),
        ("path", "manifests", "manifests"),
        ("connections_lookup_pattern", "^my_", "^my_"),
        ("variables_lookup_pattern", "null", None),
    ],
)
def test_values(name: str, given: object, taken: object) -> None:
    assert getattr(Options.parse({name: given}), name) == taken


@pytest.mark.parametrize(
    ("name", "value", "needs"),
    [
        ("namespace", "", "name of a namespace"),
        ("namespace", "Airflow", "name of a namespace"),
        ("namespace", "a/b", "name of a namespace"),
        ("namespace", "a?x=y", "name of a namespace"),
        ("namespace", "-a", "name of a namespace"),
        ("namespace", "a" * 64, "name of a namespace"),
        ("namespace", "a,,b", "name of a namespace"),
        ("namespace", [], "name of a namespace"),
        ("namespace", ["a", 1], "name of a namespace"),
        ("namespace", {"a": "b"}, "name of a namespace"),
        ("connections_label", "", "label key"),
        ("connections_label", "a b", "label key"),
        ("connections_label", "a=b", "label key"),
        ("connections_label", "/a", "label key"),
        ("connections_label", "a/", "label key"),
        ("connections_label", "a/b/c", "label key"),
        ("connections_label", "Example.com/a", "label key"),
        ("connections_label", "x" * 64, "label key"),
        ("connections_label", "x" * 254 + "/a", "label key"),
        ("connections_label", "x\n", "label key"),
        ("connections_label", False, "label key"),
        ("team_label", 1, "label key"),
        ("connections_label", "false", "label key"),
        ("variables_label", " True", "label key"),
        ("namespace", "false", "name of a namespace"),
        ("variables_lookup_pattern", "false", "a regular expression"),
        ("kubeconfig", "true", "on one line"),
        ("connections_data_key", None, "key of a Secret's data"),
        ("variables_data_key", None, "key of a Secret's data"),
        ("config_data_key", None, "key of a Secret's data"),
        ("connections_data_key", "", "key of a Secret's data"),
        ("variables_data_key", "a/b", "key of a Secret's data"),
        ("config_data_key", "x" * 254, "key of a Secret's data"),
        ("timeout", 0, "number of seconds above 0"),
        ("timeout", -1, "number of seconds above 0"),
        ("timeout", "soon", "number of seconds above 0"),
        ("timeout", "nan", "number of seconds above 0"),
        ("timeout", "inf", "number of seconds above 0"),
        ("timeout", True, "number of seconds above 0"),
        ("timeout", None, "number of seconds above 0"),
        ("timeout", 3601, "up to 3600"),
        ("timeout", 10**400, "up to 3600"),
        ("kubeconfig", "apiVersion: v1\nkind: Config", "on one line"),
        ("service_account_path", "", "not blank"),
        ("service_account_path", None, "not blank"),
        ("kubeconfig", " ", "not blank"),
        ("context", 3, "not blank"),
        ("path", "", "not blank"),
        ("path", "half\ud800", "Unicode"),
        ("service_account_path", "half\ud800", "Unicode"),
        ("team_namespaces", "blue", "a JSON object"),
        ("team_namespaces", ["blue"], "a JSON object"),
        ("team_namespaces", {"blue": "Team"}, "map team 'blue' to the name of a namespace"),
        ("team_namespaces", {"blue": ["a", "b"]}, "map team 'blue' to the name of a namespace"),
        ("team_fallback", "perhaps", "true or false"),
        ("team_fallback", None, "true or false"),
        ("mask_values", 2, "true or false"),
        ("references", "{", "a JSON object"),
        ("references", {"connections": "x"}, "under 'connections' an object"),
        ("references", {"connections": {"x": "a/b/c"}}, "map 'x' under 'connections' to the name of a Secret"),
        ("references", {"connections": {"x": "/b"}}, "map 'x' under 'connections' to the name of a Secret"),
        ("references", {"connections": {"x": "B"}}, "map 'x' under 'connections' to the name of a Secret"),
        ("references", {"connections": {"x": "a_b"}}, "map 'x' under 'connections' to the name of a Secret"),
        ("references", {"connections": {"x": "a?b"}}, "map 'x' under 'connections' to the name of a Secret"),
        ("references", {"connections": {"x": None}}, "map 'x' under 'connections' to the name of a Secret"),
        ("references", {"connections": {"x": {"secret": "b"}}}, "or an object with 'secret' and 'annotations'"),
        ("references", {"connections": {"x": {"secret": "B", "annotations": {}}}}, "to the name of a Secret"),
        ("references", {"config": {"x": {"secret": "b", "annotations": {"a": 1}}}}, "are an object of strings"),
        (
            "references",
            {"config": {"x": {"secret": "b", "annotations": {"data-key": "a", "airflow.apache.org/data-key": "a"}}}},
            "without repetitions; 'data-key' is there with and without the prefix",
        ),
        ("references", {"config": {"x": {"secret": "b", "annotations": {1: "a"}}}}, "are an object of strings"),
        ("connections_lookup_pattern", "(", "a regular expression"),
        ("connections_lookup_pattern", "(?a)(?u)x", "a regular expression"),
        ("config_lookup_pattern", "", "a regular expression"),
        ("variables_lookup_pattern", 1, "a regular expression"),
    ],
)
def test_invalid_values(name: str, value: object, needs: str) -> None:
    with pytest.raises(OptionError, match=rf"backend_kwargs: {name} must .*{needs}") as raised:
        Options.parse({name: value})

    is_object = name in ("references", "team_namespaces")
    if not is_object and not isinstance(value, (list, dict)) and "\n" not in str(value):
        assert str(raised.value).endswith(f"; it is {value!r}")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("connection_label", "connections_label"),
        ("variable_data_key", "variables_data_key"),
        ("name_space", "namespace"),
        ("Timeout", "timeout"),
        ("kube_config", "kubeconfig"),
    ],
)
def test_an_unknown_option_names_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(OptionError, match=f"there is no option '{name}'; did you mean '{nearest}'"):
        Options.parse({name: "x"})


def test_unknown_option_without_a_similar_name_lists_all() -> None:
    with pytest.raises(OptionError, match="there is no option 'zzz'; The options are namespace, team_namespaces, "):
        Options.parse({"zzz": "hunter2"})


@pytest.mark.parametrize(
    "contents", [{"users": [{"user": {"token": "hunter2"}}]}, "users:\n- user:\n    token: hunter2"]
)
def test_a_credential_in_the_wrong_place_is_not_shown(contents: object) -> None:
    for name in ("kubeconfig", "namespace", "timeout"):
        with pytest.raises(OptionError) as raised:
            Options.parse({name: contents})
        assert "hunter2" not in str(raised.value)


def test_the_value_of_an_unknown_option_is_not_shown() -> None:
    with pytest.raises(OptionError) as raised:
        Options.parse({"token": "hunter2"})

    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("kind", ["connections", "variables", "config"])
def test_a_kind_and_the_team_cannot_share_a_label(kind: str) -> None:
    with pytest.raises(OptionError, match=f"{kind}_label and team_label are both 'x'"):
        Options.parse({f"{kind}_label": "x", "team_label": "x"})


@pytest.mark.parametrize("name", ["connections_label", "variables_label", "config_label", "team_label"])
def test_label_of_bundles_cannot_be_used_for_another_option(name: str) -> None:
    with pytest.raises(
        OptionError, match=f"{name} is 'airflow.apache.org/bundle', which is the label of bundles; use another key"
    ):
        Options.parse({name: "airflow.apache.org/bundle"})


@pytest.mark.parametrize(
    ("name", "given", "repeated"),
    [
        ("references", '{"connections": {"a": "x"}, "connections": {"b": "y"}}', "'connections'"),
        ("references", '{"variables": {"a": "x", "b": "y", "a": "z"}}', "'a'"),
        (
            "references",
            '{"config": {"a": {"secret": "x", "annotations": {"data-key": "k", "data-key": ""}}}}',
            "'data-key'",
        ),
        ("team_namespaces", '{"blue": "a", "blue": "b"}', "'blue'"),
        (
            "references",
            '{"connections": {"a://u:hunter2@h": "a", "a://u:hunter2@h": "b"}}',
            "a string of",
        ),
    ],
)
def test_duplicate_names_in_json(name: str, given: str, repeated: str) -> None:
    """Python would silently use the last one."""
    with pytest.raises(OptionError, match=f"backend_kwargs: {name} must not contain {repeated}.* twice") as raised:
        Options.parse({name: given})

    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("pattern", ["a{99999999999999999999}", "(" * 5000 + ")" * 5000], ids=["large", "deep"])
def test_a_pattern_that_python_cannot_compile_is_named(pattern: str) -> None:
    with pytest.raises(OptionError, match="connections_lookup_pattern must be a regular expression"):
        Options.parse({"connections_lookup_pattern": pattern})


def test_error_of_an_invalid_pattern_names_the_position() -> None:
    with pytest.raises(OptionError, match=r"must be a regular expression .*unterminated subpattern at position 1"):
        Options.parse({"config_lookup_pattern": "a(b"})


def test_namespaces_as_a_json_string() -> None:
    assert Options.parse({"namespace": '["b", "a"]'}).namespace == ("b", "a")


def test_a_path_has_no_control_characters() -> None:
    with pytest.raises(OptionError, match="path must be a string on one line"):
        Options.parse({"path": "a\0b"})


@pytest.mark.parametrize(
    "given", ['{"connections": {"my_db": "postgres://u:hunter2@h/db"}}', "postgres://u:hunter2@h/db"]
)
def test_a_credential_among_references_is_not_shown(given: str) -> None:
    with pytest.raises(OptionError, match="references must") as raised:
        Options.parse({"references": given})

    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    "name", ["namespace", "connections_label", "config_data_key", "timeout", "on_error", "namespce"]
)
def test_a_credential_in_place_of_a_value_is_not_shown(name: str) -> None:
    with pytest.raises(OptionError, match=name) as raised:
        Options.parse({name: "postgres://u:hunter2@h/db"})

    assert "hunter2" not in str(raised.value)


def test_a_credential_in_place_of_a_name_is_not_shown() -> None:
    with pytest.raises(OptionError, match="there is no option a string of 25 characters") as raised:
        Options.parse({"postgres://u:hunter2@h/db": "x"})

    assert "hunter2" not in str(raised.value)


def test_error_in_an_object_names_the_entry() -> None:
    with pytest.raises(OptionError, match=r"map team .blue. to the name of a namespace.*; it is .Bad_NS.$"):
        Options.parse({"team_namespaces": {"blue": "Bad_NS"}})
    with pytest.raises(OptionError, match="but not 'connection'; did you mean 'connections'"):
        Options.parse({"references": {"connection": {}}})


def test_unknown_kind_of_reference_lists_the_kinds() -> None:
    with pytest.raises(
        OptionError, match="references may contain 'connections', 'variables', 'config', but not 'connection'"
    ):
        Options.parse({"references": {"connection": {"x": "y"}}})


@pytest.mark.parametrize("name", ["kubeconfig", "context"])
def test_a_folder_and_an_api_exclude_each_other(name: str) -> None:
    with pytest.raises(
        OptionError, match=f"path replaces the Kubernetes API, so it excludes {name}; remove one of them"
    ):
        Options.parse({"path": "manifests", name: "x"})


def test_folder_with_team_namespaces_requires_namespace() -> None:
    with pytest.raises(OptionError, match="path with team_namespaces requires namespace too"):
        Options.parse({"path": "manifests", "team_namespaces": {"blue": "team-blue"}})
    Options.parse({"path": "manifests", "team_namespaces": {"blue": "team-blue"}, "namespace": "airflow"})


def test_referenced_secrets_by_namespace() -> None:
    references = {"connections": {"a": "x", "b": "team/y", "c": "x"}, "variables": {"a": "w"}}

    assert Options.parse({"references": references}).referenced == {None: ("w", "x"), "team": ("y",)}
    assert Options.parse({"references": references, "namespace": "one,two"}).referenced == {
        "one": ("w", "x"),
        "team": ("y",),
    }


def test_equal_options_have_the_same_hash() -> None:
    one = {"timeout": "5", "references": '{"connections": {"a": "x"}}', "namespace": "a,b"}
    other = {"timeout": 5.0, "references": {"connections": {"a": "x"}}, "namespace": ["a", "b"]}

    assert hash(Options.parse(one)) == hash(Options.parse(other))
    assert Options.parse(one) == Options.parse(other)
    assert Options.parse(one) != Options.parse({**other, "references": {"connections": {"a": "y"}}})


def test_the_declarations_are_the_only_list() -> None:
    """The accepted names, the attributes and the reference are those of the declarations."""
    examples = {name: option.example for name, option in OPTIONS.items() if name not in ("path", "context")}

    assert list(vars(KubernetesSecretsBackend(**examples).options)) == list(OPTIONS)
    assert sorted(re.findall("^### `(.*)`$", page_file("options").read_text(), re.M)) == sorted(OPTIONS)


DECLARATION = """
    pause = Option(
        TIMEOUT,
        1.5,
        "Seconds between two things.",
        topic=TIME,
        example=2,
        refused="long",
    )
    on_error = Option("""

# Prints how the package and the reference describe the declared option.
SHOW = """
import json, runpy, sys
from airflow_kubernetes_secrets.errors import OptionError
from airflow_kubernetes_secrets.options.backend_kwargs import Options

def error(kwargs):
    try:
        Options.parse(kwargs)
    except OptionError as found:
        return str(found)

print(json.dumps({
    "values": [Options().pause, Options.parse({"pause": "2"}).pause],
    "equal": Options(pause=2.0) == Options(pause=3.0),
    "shown": "pause=2.0" in repr(Options(pause=2.0)),
    "refused": error({"pause": "long"}),
    "unknown": error({"pauze": 1}),
    "page": runpy.run_path(sys.argv[1])["page"](),
}))
"""


def test_an_option_is_declared_in_one_place(tmp_path: Path) -> None:
    """Everything follows from one more declaration in a copy of the package."""
    package = Path(airflow_kubernetes_secrets.__file__).parent
    copy = shutil.copytree(package, tmp_path / package.name)
    module = copy / "options" / "backend_kwargs.py"
    module.write_text(module.read_text().replace("\n    on_error = Option(", DECLARATION))

    done = subprocess.run(
        [sys.executable, "-c", SHOW, str(DOCS / "make_reference.py")],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["values"] == [1.5, 2.0]
    assert not found["equal"]
    assert found["shown"]
    assert found["refused"] == (
        "backend_kwargs: pause must be a number of seconds above 0 and up to 3600; it is 'long'"
    )
    assert "no option 'pauze'; did you mean 'pause'?" in found["unknown"]
    assert ", outage_ttl, pause, on_error, mask_values" in found["unknown"]
    assert "### `pause`\n\nSeconds between two things.\n\n- Takes seconds, a number above 0" in found["page"]
    assert (
        found["page"].index("## Time limits and caching\n")
        < found["page"].index("### `pause`")
        < found["page"].index("## Errors")
    )
