"""Field managers, and the conflicts of server-side apply: the devserver and a real kube-apiserver agree.

https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from support.cluster import Cluster
from support.contract import Apply, Secrets, managed
from support.versions import Since, at

X, Y, Z = "eA==", "eQ==", "eg=="


def test_creator_manages_all_fields(secrets: Secrets) -> None:
    content = {"metadata": {"name": "s", "labels": {"a": "1"}, "finalizers": ["x/y"]}, "stringData": {"k": "v"}}
    made = secrets.post(content, fieldManager="maker").json()
    assert managed(made) == {
        ("maker", "Update"): {
            "f:data": {".": {}, "f:k": {}},
            "f:metadata": {
                "f:finalizers": {".": {}, 'v:"x/y"': {}},
                "f:labels": {".": {}, "f:a": {}},
            },
            "f:type": {},
        }
    }
    secrets.patch("s", {"metadata": {"finalizers": None}})


def test_default_manager_is_the_user_agent(secrets: Secrets) -> None:
    headers = {"User-Agent": "me/1 (x)"}
    made = secrets.cluster.admin.post(secrets.path, json={"metadata": {"name": "s"}}, headers=headers)
    assert managed(made.json()) == {("me", "Update"): {"f:type": {}}}


def test_updater_manages_the_changed_fields(secrets: Secrets) -> None:
    secrets.post({"metadata": {"name": "s"}, "data": {"k": X, "l": X, "m": X}}, fieldManager="one")
    changed = secrets.patch("s", {"data": {"k": Y, "l": X, "m": None, "n": X}}, fieldManager="two").json()
    assert managed(changed) == {
        ("one", "Update"): {"f:data": {".": {}, "f:l": {}}, "f:type": {}},
        ("two", "Update"): {"f:data": {"f:k": {}, "f:n": {}}},
    }


def test_write_without_changes_adds_no_manager(secrets: Secrets) -> None:
    made = secrets.post({"metadata": {"name": "s"}, "data": {"k": X}}, fieldManager="one").json()
    assert secrets.patch("s", {"data": {"k": X}}, fieldManager="two").json() == made
    without = {**made, "metadata": {key: each for key, each in made["metadata"].items() if key != "managedFields"}}
    assert secrets.put(without).json() == made


def test_removed_fields_have_no_manager(secrets: Secrets) -> None:
    secrets.post({"metadata": {"name": "s", "labels": {"a": "1"}}, "data": {"k": X}}, fieldManager="one")
    changed = secrets.patch("s", {"metadata": {"labels": None}, "data": None}, fieldManager="two").json()
    assert managed(changed) == {("one", "Update"): {"f:type": {}}}


def test_managers_can_be_cleared(secrets: Secrets) -> None:
    made = secrets.post({"metadata": {"name": "s"}, "data": {"k": X}}, fieldManager="one").json()
    made["metadata"]["managedFields"] = [{}]
    assert managed(secrets.put(made).json()) == {}
    # After that the fields have no managers until the next apply.
    changed = secrets.patch("s", {"data": {"k": Y}}, fieldManager="two").json()
    assert managed(changed) == {}


def test_first_apply_to_unmanaged_fields(secrets: Secrets, apply: Apply) -> None:
    made = secrets.post({"metadata": {"name": "s"}, "data": {"k": X}}).json()
    made["metadata"]["managedFields"] = [{}]
    secrets.put(made)
    refused = apply("me", data={"k": Y})
    assert refused.status_code == 409
    assert 'conflict with "before-first-apply" using v1' in refused.json()["message"]
    taken = apply("me", data={"k": Y}, force=True).json()
    assert managed(taken) == {
        ("before-first-apply", "Update"): {"f:data": {}, "f:type": {}},
        ("me", "Apply"): {"f:data": {"f:k": {}}},
    }


def test_write_can_set_the_managers(secrets: Secrets) -> None:
    made = secrets.post({"metadata": {"name": "s"}, "data": {"k": X}}, fieldManager="one").json()
    made["metadata"]["managedFields"][0]["manager"] = "other"
    assert {name for name, _ in managed(secrets.put(made).json())} == {"other"}


ENTRY = {"manager": "k", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1"}
FIELDS: Any = {"f:data": {"f:k": {}}}


@pytest.mark.parametrize(
    "entry",
    [
        {"fieldsV1": "text"},
        {"fieldsV1": [1]},
        {"fieldsV1": {"f:data": 5}},
        {"fieldsV1": {"f:data": {"f:k": [1]}}},
        {"fieldsV1": {"data": {}}},
        {"operation": "Other"},
        {"operation": None},
    ],
)
def test_invalid_managed_fields_change_no_manager(secrets: Secrets, cluster: Cluster, entry: Any) -> None:
    made = secrets.post({"metadata": {"name": "s"}, "data": {"k": X}}, fieldManager="one").json()
    entries = [{**ENTRY, "fieldsV1": FIELDS, **entry}]
    done = secrets.put({**made, "metadata": {**made["metadata"], "managedFields": entries}})
    assert done.status_code == at(cluster, Since({0: 422, 30: 200}) if "operation" in entry else 200), done.text
    assert secrets.get("s") == made


@pytest.mark.parametrize(
    "entries",
    ["text", {}, [5], ["text"], [{**ENTRY, "manager": 1}], [{**ENTRY, "time": 5}], [{**ENTRY, "operation": ["x"]}]],
)
def test_malformed_managed_fields_are_refused(secrets: Secrets, entries: Any) -> None:
    made = secrets.post({"metadata": {"name": "s"}, "data": {"k": X}}, fieldManager="one").json()
    refused = secrets.put({**made, "metadata": {**made["metadata"], "managedFields": entries}})
    assert refused.status_code == 400, refused.text
    assert refused.json()["message"].startswith('Secret in version "v1" cannot be handled as a Secret: ')
    assert secrets.get("s") == made


def test_managers_without_a_time_are_accepted(secrets: Secrets) -> None:
    made = secrets.post({"metadata": {"name": "s"}, "data": {"k": X}}, fieldManager="one").json()
    without, other = ({**ENTRY, "manager": name, "fieldsV1": FIELDS, "time": time} for name, time in TIMES.items())
    made["metadata"]["managedFields"] = [without, other]
    done = secrets.put(made).json()["metadata"]["managedFields"]
    assert [(each["manager"], each.get("time")) for each in done] == [*TIMES.items()]


TIMES = {"without": None, "other": "2020-01-01T00:00:00Z"}


def test_managed_fields_can_name_missing_fields(secrets: Secrets, apply: Apply) -> None:
    made = secrets.post({"metadata": {"name": "s"}, "data": {"k": X}}).json()
    fields = {"f:type": {"f:x": {}}, "f:metadata": {"f:ownerReferences": {'k:{"uid":"x"}': {"f:y": {}}}}}
    made["metadata"]["managedFields"] = [{**ENTRY, "operation": "Apply", "fieldsV1": fields}]
    assert secrets.put(made).status_code == 200
    done = apply("k", data={"k": X})
    assert done.status_code == 200, done.text
    assert done.json()["type"] == "Opaque"


def test_apply_manages_keys_but_not_their_mappings(secrets: Secrets, apply: Apply) -> None:
    done = apply("me", metadata={"labels": {"a": "1"}}, data={"k": X}, stringData={"l": "y"}).json()
    assert managed(done) == {
        ("me", "Apply"): {
            "f:data": {"f:k": {}},
            "f:metadata": {"f:labels": {"f:a": {}}},
            "f:stringData": {"f:l": {}},
        }
    }


def test_a_conflict(secrets: Secrets, apply: Apply) -> None:
    secrets.post({"metadata": {"name": "s"}, "data": {"k": X}}, fieldManager="one")
    refused = apply("two", data={"k": Y})
    assert refused.status_code == 409
    status = refused.json()
    assert (status["kind"], status["reason"], status["status"]) == ("Status", "Conflict", "Failure")
    assert status["message"] == 'Apply failed with 1 conflict: conflict with "one" using v1: .data.k'
    assert status["details"] == {
        "causes": [{"reason": "FieldManagerConflict", "message": 'conflict with "one" using v1', "field": ".data.k"}]
    }
    assert secrets.get("s")["data"] == {"k": X}


def test_removing_the_last_key_of_a_mapping_is_no_conflict(secrets: Secrets, cluster: Cluster, apply: Apply) -> None:
    """Its creator still manages it as an empty mapping."""
    secrets.post({"metadata": {"name": "s"}, "data": {"k": X}}, fieldManager="maker")
    apply("a", force=True, data={"k": Y})
    done = apply("a", metadata={"labels": {"x": "1"}})
    assert done.status_code == 200, done.text
    left: Any = at(cluster, Since[Any]({0: {".": {}, "f:k": {}}, 30: {}}))
    assert managed(done.json()) == {
        ("a", "Apply"): {"f:metadata": {"f:labels": {"f:x": {}}}},
        ("maker", "Update"): {"f:data": left, "f:type": {}},
    }


def test_several_conflicts_are_listed_by_manager(secrets: Secrets, apply: Apply) -> None:
    key = "app.kubernetes.io/name"
    apply("b", data={"k": X, "l": X})
    apply("a", metadata={"labels": {key: "1"}}, data={"m": X})
    refused = apply("c", metadata={"labels": {key: "2"}}, data={"l": Y, "k": Y, "m": X})
    assert refused.status_code == 409
    assert refused.json()["message"] == (
        f'Apply failed with 3 conflicts: conflicts with "a":\n- .metadata.labels.{key}\n'
        'conflicts with "b":\n- .data.k\n- .data.l'
    )
    causes = {(each["message"], each["field"]) for each in refused.json()["details"]["causes"]}
    assert causes == {
        ('conflict with "a"', f".metadata.labels.{key}"),
        ('conflict with "b"', ".data.k"),
        ('conflict with "b"', ".data.l"),
    }


def test_the_same_value_is_no_conflict(secrets: Secrets, apply: Apply) -> None:
    apply("a", data={"k": X})
    both = apply("b", data={"k": X})
    assert both.status_code == 200
    fields: dict[str, Any] = {"f:data": {"f:k": {}}}
    assert {("a", "Apply"): fields, ("b", "Apply"): fields} == {
        (each["manager"], each["operation"]): each["fieldsV1"] for each in both.json()["metadata"]["managedFields"]
    }


def test_force_takes_a_field_over(secrets: Secrets, apply: Apply) -> None:
    apply("a", data={"k": X, "l": X})
    taken = apply("b", data={"k": Y}, force=True).json()
    assert managed(taken) == {("a", "Apply"): {"f:data": {"f:l": {}}}, ("b", "Apply"): {"f:data": {"f:k": {}}}}
    assert taken["data"] == {"k": Y, "l": X}


def test_apply_conflicts_with_an_update_by_the_same_manager(secrets: Secrets, apply: Apply) -> None:
    apply("a", data={"k": X})
    secrets.patch("s", {"data": {"k": Y}}, fieldManager="a")
    refused = apply("a", data={"k": Z})
    assert refused.status_code == 409
    assert 'conflict with "a" using v1' in refused.json()["message"]


def test_repeated_apply_creates_no_version(secrets: Secrets, apply: Apply) -> None:
    for content in ({"data": {"k": X}}, {"stringData": {"k": "x"}}, {"metadata": {"labels": {"a": "1"}}}):
        name = f"s{len(json.dumps(content))}"
        first = apply("a", name=name, **content)
        again = apply("a", name=name, **content)
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json()["metadata"]["resourceVersion"] == first.json()["metadata"]["resourceVersion"]


def test_updated_field_remains_when_it_is_no_longer_applied(secrets: Secrets, apply: Apply) -> None:
    apply("a", data={"k": X, "l": X})
    secrets.patch("s", {"data": {"k": Y}}, fieldManager="b")
    done = apply("a", data={"l": X}).json()
    assert done["data"] == {"k": Y, "l": X}
    assert managed(done) == {("a", "Apply"): {"f:data": {"f:l": {}}}, ("b", "Update"): {"f:data": {"f:k": {}}}}


def test_empty_mapping_is_removed_when_it_is_no_longer_applied(secrets: Secrets, apply: Apply) -> None:
    """kubectl turns managers of updates into appliers, and such managers can own mappings too."""
    made = secrets.post({"metadata": {"name": "s", "labels": {"a": "1"}}, "data": {"k": X, "l": X}}, fieldManager="a")
    found = made.json()
    found["metadata"]["managedFields"][0]["operation"] = "Apply"
    assert managed(secrets.put(found).json()).keys() == {("a", "Apply")}
    done = apply("a", data={"k": Y}).json()
    assert (done["data"], done["metadata"].get("labels")) == ({"k": Y}, None)
    assert managed(done)["a", "Apply"] == {"f:data": {"f:k": {}}}


def test_finalizers_are_merged(secrets: Secrets, apply: Apply) -> None:
    apply("a", metadata={"finalizers": ["x/a"]})
    done = apply("b", metadata={"finalizers": ["x/b"]})
    assert done.status_code == 200
    assert sorted(done.json()["metadata"]["finalizers"]) == ["x/a", "x/b"]
    left = apply("a").json()
    assert left["metadata"]["finalizers"] == ["x/b"]
    assert managed(left) == {("b", "Apply"): {"f:metadata": {"f:finalizers": {'v:"x/b"': {}}}}}
    secrets.patch("s", {"metadata": {"finalizers": None}})


def test_a_dry_run_finds_conflicts_too(secrets: Secrets) -> None:
    secrets.post({"metadata": {"name": "s"}, "data": {"k": X}}, fieldManager="one")
    document = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"k": Y}}
    for query, code in (({}, 409), ({"force": "true"}, 200)):
        done = secrets.patch("s", document, "apply-patch+yaml", fieldManager="me", dryRun="All", **query)
        assert done.status_code == code
    assert secrets.get("s")["data"] == {"k": X}
    assert {name for name, _ in managed(secrets.get("s"))} == {"one"}


def test_force_is_allowed_only_for_apply(secrets: Secrets) -> None:
    secrets.post({"metadata": {"name": "s"}})
    refused = secrets.patch("s", {"data": {"k": X}}, force="true")
    assert refused.status_code == 422
    assert "force: Forbidden: may not be specified for non-apply patch" in refused.json()["message"]


def test_kubectl_takes_over_fields_of_its_client_side_apply(secrets: Secrets, apply: Apply) -> None:
    """The fields are those of the last-applied annotation that have not changed since."""
    content = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"k": X, "l": X}}
    note = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(content)}
    for changed, code in (({}, 200), ({"data": {"k": Z}}, 409)):
        secrets.delete("s")
        document = {**content, "metadata": {"name": "s", "annotations": note}}
        secrets.post(document, fieldManager="kubectl-client-side-apply")
        if changed:
            secrets.patch("s", changed, fieldManager="other")
        done = apply("kubectl", data={"k": Y, "l": X})
        assert done.status_code == code, done.text
        assert apply("another", data={"k": Y, "l": X}).status_code == (200 if code == 200 else 409)


def test_managed_fields_contain_no_values(secrets: Secrets, apply: Apply) -> None:
    secret = base64.b64encode(b"hunter2").decode()
    done = apply("a", data={"k": secret}, stringData={"l": "hunter2"})
    assert "hunter2" not in json.dumps(done.json()["metadata"])
    assert secret not in json.dumps(done.json()["metadata"])


LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@pytest.mark.parametrize(
    "applied",
    [
        {"data": {"b": None}, "immutable": None},
        {"metadata": {"labels": {"y": "1", "x": "2"}, "namespace": "{}"}},
        {"metadata": {"annotations": {LAST_APPLIED: "other", "x": "y"}}},
    ],
    ids=["null", "metadata", "annotations"],
)
def test_apply_by_kubectl_updates_the_annotation_of_client_side_apply(
    secrets: Secrets, apply: Apply, applied: Any
) -> None:
    applied = json.loads(json.dumps(applied).replace("{}", secrets.namespace))
    secrets.create("s", metadata={"name": "s", "annotations": {LAST_APPLIED: "{}"}})
    apply("other", data={"a": "YQ=="})
    assert secrets.get("s")["metadata"]["annotations"][LAST_APPLIED] == "{}"
    response = apply("kubectl", force=True, **applied)
    assert response.status_code == 200, response.text
    text = response.json()["metadata"]["annotations"][LAST_APPLIED]
    expected = {"apiVersion": "v1", "kind": "Secret", **applied}
    expected["metadata"] = {"name": "s", **applied.get("metadata", {})}
    expected["metadata"].get("annotations", {}).pop(LAST_APPLIED, None)
    assert text == json.dumps(expected, sort_keys=True, separators=(",", ":")) + "\n"


def test_characters_in_the_annotation_of_client_side_apply(secrets: Secrets, apply: Apply) -> None:
    secrets.create("s", metadata={"name": "s", "annotations": {LAST_APPLIED: "{}"}})
    text = apply("kubectl", stringData={"b": "<&>\u00e9\u2028"}).json()["metadata"]["annotations"][LAST_APPLIED]
    assert text.endswith('"stringData":{"b":"\\u003c\\u0026\\u003e\u00e9\\u2028"}}\n')


@pytest.mark.parametrize("annotations", [{}, {LAST_APPLIED: ""}, {"x": "y"}], ids=str)
def test_apply_by_kubectl_adds_no_annotation(
    secrets: Secrets, cluster: Cluster, apply: Apply, annotations: dict[str, str]
) -> None:
    secrets.create("s", metadata={"name": "s", "annotations": annotations})
    found = apply("kubectl", data={"a": "YQ=="}).json()["metadata"].get("annotations", {})
    is_added = at(cluster, Since({0: LAST_APPLIED in annotations, 22: False}))
    assert found == annotations or is_added


def test_apply_by_kubectl_removes_an_annotation_that_would_be_too_large(
    secrets: Secrets, cluster: Cluster, apply: Apply
) -> None:
    secrets.create("s", metadata={"name": "s", "annotations": {LAST_APPLIED: "{}"}})
    response = apply("kubectl", metadata={"annotations": {"x": "x" * 150_000}})
    # Patches of 1.20 and 1.21 fix this and the test above too: https://github.com/kubernetes/kubernetes/pull/102105
    assert response.status_code == at(cluster, Since({0: 422, 22: 200})), response.text
    if response.status_code == 200:
        assert [*response.json()["metadata"]["annotations"]] == ["x"]
