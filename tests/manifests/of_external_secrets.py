"""Manifests of External Secrets Operator."""

from __future__ import annotations

from manifests.build import (
    CONNECTION,
    HASHED,
    LONG,
    OF_PORT,
    PASSWORD,
    TEAM,
    URI,
    VARIABLE,
    cluster_external,
    external,
    fetched,
    kustomization,
    labelled,
    of_unknown_keys,
    sealed,
    secret,
    template,
    vault,
)
from manifests.case import Case

OF_EXTERNAL_SECRETS: dict[str, Case] = {
    # ExternalSecrets.
    "external": Case(external()),
    "external, v1beta1": Case(external(version="external-secrets.io/v1beta1")),
    "external, a template without the label": Case(
        external({"template": {"type": "Opaque"}}), ["label-lost"], "Put it under spec.target.template.metadata.labels"
    ),
    "external, v1beta1, a template without the label": Case(
        external({"template": {}}, version="external-secrets.io/v1beta1"), ["label-lost"]
    ),
    "external, another API": Case(external({"template": {}}, version="example.com/v1"), ["not-checked"]),
    "external, a template that is null": Case(external({"template": None})),
    "external, a template with the label": Case(external(template())),
    "external, a template and no label at all": Case(external({"template": {"type": "x"}}, labels={"app": "x"})),
    "external, the team is lost": Case(
        external(template(), labels={CONNECTION: "x", TEAM: "blue"}), ["label-lost"], TEAM
    ),
    "external, labels of a template from a literal": Case(
        external({"template": {"templateFrom": [{"target": "Labels", "literal": "x"}]}})
    ),
    "external, data of a template from a ConfigMap": Case(
        external({"template": {"templateFrom": [{"configMap": {"name": "x"}}]}}), ["label-lost"]
    ),
    "external, a lost id": Case(
        external(
            {"template": {"metadata": {"labels": {CONNECTION: HASHED}}}},
            labels={CONNECTION: HASHED},
            annotations={CONNECTION: LONG},
        ),
        ["annotation-lost"],
        "spec.target.template.metadata.annotations",
    ),
    "external, an id in the template": Case(
        external({"template": {"metadata": {"labels": {CONNECTION: HASHED}, "annotations": {CONNECTION: LONG}}}})
    ),
    "external, a lost description": Case(
        external(template(), annotations=labelled(connection_type="x")), ["annotation-lost"]
    ),
    "external, annotations of a template from a literal": Case(
        external(template(templateFrom=[{"target": "Annotations", "literal": "x"}]), annotations=labelled(data_key="x"))
    ),
    "external, the team of no label is lost": Case(
        external({"template": {}}, labels={TEAM: "blue"}, annotations=labelled(data_key="x"))
    ),
    "external, a lost annotation of others": Case(external(template(), annotations={"example.com/x": "x"})),
    "external, an annotation without a template": Case(external(annotations=labelled(connection_type="x"))),
    "external, a raw id": Case(
        external({"template": {"metadata": {"labels": {CONNECTION: LONG}}}}, labels={}), ["invalid-label"]
    ),
    "external, an id that the store has": Case(
        external({"template": {"metadata": {"labels": {CONNECTION: "{{ .id }}"}}}}, labels={})
    ),
    "external, braces without a template": Case(
        external(labels={CONNECTION: "{{ .id }}"}), ["invalid-label", "not-checked"], "but there is no template"
    ),
    "external, one id twice": Case([external(name="a"), external(name="b")], ["duplicate-id"]),
    "external, one target twice": Case([external({"name": "db"}, name="a"), external(name="db")], ["duplicate-secret"]),
    "external, the team comes from the store": Case(
        [secret("a"), external({"template": {"metadata": {"labels": {CONNECTION: "my_db", TEAM: "{{ .team }}"}}}})]
    ),
    "external, a known key": Case(external(spec=fetched("value"))),
    "external, an unknown key": Case(external(spec=fetched("uri_of_it")), ["depends-on-value"], "'uri_of_it'"),
    "external, unknown keys": Case(external(spec=fetched("uri_of_it", "other")), ["unreadable"], "'uri_of_it'"),
    "external, fields": Case(external(spec=fetched("username", "password"))),
    "external, an annotated key": Case(external(spec=fetched("x"), annotations=labelled(data_key="x"))),
    "external, an annotated key that is not there": Case(
        external(spec=fetched("x"), annotations=labelled(data_key="other")), ["unreadable"]
    ),
    "external, an annotation that the store has": Case(
        external(
            {"template": {"metadata": {"labels": {CONNECTION: "x"}, "annotations": labelled(data_key="{{ .key }}")}}},
            spec=fetched("x"),
            labels={},
        )
    ),
    "external, keys that are not known": Case(external(spec={**fetched("x"), "dataFrom": [{"extract": {"key": "x"}}]})),
    "external, a template replaces keys": Case(external(template(data={"type": PASSWORD})), ["unreadable"]),
    "external, a template adds keys": Case(external(template(data={"type": "x"}, mergePolicy="Merge"))),
    "external, a template adds to known keys": Case(
        external(template(data={"type": PASSWORD}, mergePolicy="Merge"), fetched("x")), ["unreadable"]
    ),
    "external, a template adds the key": Case(
        external(template(data={"value": "{{ .x }}"}, mergePolicy="Merge"), fetched("x"))
    ),
    "external, a template adds the other key": Case(
        external(template(data={"x": "x"}, mergePolicy="Merge"), fetched("value"))
    ),
    "external, a template makes the key": Case(external(template(data={"value": "{{ .x }}"}), fetched("x"))),
    "external, a template without data": Case(external(template(), fetched("x")), ["depends-on-value"]),
    "external, data of a template from a literal": Case(
        external(template(templateFrom=[{"literal": "x"}]), fetched("x"))
    ),
    "external, a variable": Case(external(spec=fetched("value"), labels={VARIABLE: "x"})),
    "external, a variable without its key": Case(
        external(spec=fetched("password"), labels={VARIABLE: "x"}), ["unreadable"]
    ),
    "external, a key that cannot be one": Case(external(spec=fetched("a b")), ["invalid-manifest"]),
    "external, no Secret is created": Case(external({"creationPolicy": "None"}), ["not-created"], "creationPolicy"),
    "external, no Secret is created, not for Airflow": Case(external({"creationPolicy": "None"}, labels={})),
    "external, it is not the owner": Case(external({"creationPolicy": "Orphan"})),
    "external, added to a Secret": Case([secret(), external({"creationPolicy": "Merge"}, fetched("x"))]),
    "external, added to a Secret if there is one": Case(
        [secret(), external({"creationPolicy": "CreateOrMerge"}, fetched("x"))]
    ),
    "external, another kind is created": Case(
        external({"manifest": {"kind": "ConfigMap"}, "template": {}}), ["not-checked"]
    ),
    "external, a misspelt label": Case(external(labels=labelled(conection_id="x")), ["unknown-label"]),
    "external, an invalid spec": Case({**external(), "spec": [PASSWORD]}, ["unreadable"]),
    # ClusterExternalSecrets.
    "everywhere": Case(cluster_external()),
    "everywhere, twice": Case([cluster_external(), cluster_external(), secret()]),
    "everywhere, a label at its top": Case(
        cluster_external(secret_metadata={}, labels={CONNECTION: "x"}),
        ["label-lost"],
        "spec.externalSecretMetadata.labels",
    ),
    "everywhere, a template without the label": Case(
        cluster_external(external({"template": {}})["spec"]),
        ["label-lost"],
        "spec.externalSecretSpec.target.template.metadata",
    ),
    "everywhere, an unknown key": Case(cluster_external(fetched("x")), ["depends-on-value"], "/db, key"),
    # Templates of External Secrets Operator.
    "external, an old API": Case(external(version="external-secrets.io/v1alpha1"), ["old-api"], "Write external-sec"),
    "external, an old API of others": Case(external(version="external-secrets.io/v1alpha1", labels={})),
    "external, a URI of a template": Case(
        external(template(data={"value": "postgres://{{ .u }}:{{ .p }}@h/d"})), ["unescaped-uri"], "in its own key"
    ),
    **{
        f"external, the template {text}": Case(external(template(data={"value": text})), codes)
        for text, *codes in (
            # No result of an action makes these valid.
            ("my_pg://{{ .u | urlquery }}:{{ .p | urlquery }}@h", "unreadable"),
            ("my_pg://{{ .h }}", "unreadable"),
            ("postgres://{{ .u | urlquery }}:{{ .p | urlquery }}@h1:1,h2:2/d", "unreadable"),
            ("postgres://{{ .u | urlquery }}:{{ .p | urlquery }}@h:{{ .port | urlquery }}x/d", "unreadable"),
            ("nonsense {{ .p }}", "unreadable"),
            ("postgres:/{{ .p | urlquery }}", "unreadable"),
            ('{"conn_type": "postgres", "pasword": {{ .p | toJson }}}', "unreadable"),
            ('{"conn_type": "postgres" "password": {{ .p | toJson }} }', "unreadable"),
            ('{"conn_type": "postgres", "password": {{ .p | toJson }}', "unreadable"),
            ('{"conn_type": "x", "extra": {"a": {{ .p | toJson }}}, "pasword": "{{ .p | b64enc }}"}', "unreadable"),
            ('{"engine": "postgres", "host": "h", "hots": {{ .h | toJson }}}', "unreadable"),
            ('{"engine": "postgres", "host": "h", "password": [{{ .p | toJson }}]}', "unreadable"),
            # This begins with a value that could, but hardly does, contain the whole beginning of a URI.
            ("{{ .u }}:{{ .p }}@h/d", "unescaped-uri"),
            # These work, but not with every password.
            ("{{ .scheme }}://{{ .u }}:{{ .p }}@h/d", "unescaped-uri"),
            ('{{ "postgres://" }}{{ .u }}:{{ .p }}@h/d', "unescaped-uri"),
            ('{{ printf "postgres://%s:%s@h/d" .u .p }}', "unescaped-uri"),
            ("postgres://h/d?user={{ .u }}&password={{ .p }}", "unescaped-uri"),
            ("postgres://{{ .u }}:{{ .p }}@h1:1,h2:2/d", "unescaped-uri"),
            # These may be valid.
            ("{{ .uri }}",),
            ("{{ .uri }}?sslmode=require",),
            ("{{ .scheme }}://{{ .host }}:{{ .port }}/{{ .db }}",),
            ("postgres{{ .rest }}",),
            ("postgres:{{ .rest }}",),
            ("postgres://{{ .h }}:{{ .port }}{{ .path }}",),
            ("postgres://{{ .u | urlquery }}:{{ .p | urlquery }}@{{ .h }}:{{ .port }}/{{ .db }}?sslmode={{ .mode }}",),
            ("postgres://{{ .u | urlquery }}:{{ .p | urlquery }}@[{{ .ip }}]:5432/d",),
            ("{{- .scheme -}} ://h",),
            ("{{ if .tls }}rediss{{ else }}redis{{ end }}://h",),
            ("{{/* a comment */}}nonsense",),
            ("{{ $a := .b }}nonsense",),
            ('{{ printf "%s://%s" .scheme .host }}',),
            ('{{ dict "conn_type" "postgres" "host" .h | toJson }}',),
            ("http://h/?__extra__={{ .extra | urlquery }}",),
            ('{"conn_type": "postgres", "password": {{ .p | toJson }}, "port": {{ .port | toJson }}}',),
            ('{"conn_type": "postgres", "port": {{ .port }}, "extra": {{ .extra }}}',),
            ('{"conn_type": {{ .t | quote }}, "extra": {{ .extra | toJson }}, "host": {{ .h | quote }}}',),
            ('{"conn_type": "x", "extra": {"a": [{{ .p | toJson }}, {{ .q | toJson }}]}}',),
            ('{"conn_type": "postgres" {{ .more }}}',),
            ('{{ "{" }}"conn_type": "postgres"}',),
            ('{"uri": {{ .uri | toJson }}}',),
            ('{"uri": "{{ .scheme | urlquery }}://h"}',),
            ('{"conn_type": "postgres", "host": "h", "port": "54{{ .port | urlquery }}"}',),
            ('{"conn_type": "postgres", "host": "h", "port": "{{ .port | urlquery }}32"}',),
            ('{"conn_type": "postgres", "host": "h", "extra": "{{ .brace | urlquery }}}"}',),
            # A lookup converts these.
            ('{"type": {{ .t | toJson }}, "project_id": "p", "private_key": {{ .p | toJson }}}',),
            ('{"engine": "postgres", "username": {{ .u | toJson }}, "host": "h", "dbname": "d"}',),
            ('{"engine": {{ .e | quote }}, "server": "h", "dbport": {{ .port | toJson }}}',),
            ('{"type": "service_account", "project_id": "p", "private_key": {{ .p | toJson }}}',),
            ("apiVersion: v1\nkind: Config\nusers:\n- name: x\n  user: {token: {{ .p | quote }}}\n",),
            ('{"{{ .name | b64enc }}": "x"}',),
        )
    },
    "sealed, a template that can never work": Case(sealed(keys=["p"], data={"value": "no {{ .p }}"}), ["unreadable"]),
    "external, a template for a variable": Case(
        external({"template": {"metadata": {"labels": {VARIABLE: "x"}}, "data": {"value": "a {{ .p }}"}}}, labels={})
    ),
    "external, a template that annotations complete": Case(
        external(
            {
                "template": {
                    "metadata": {"labels": {CONNECTION: "x"}, "annotations": labelled(connection_type="postgres")},
                    "data": {"value": "my_pg://{{ .p | urlquery }}"},
                }
            }
        )
    ),
    "external, a URI with one value": Case(external(template(data={"uri": "a://u:{{ .p }}@h"})), ["unescaped-uri"]),
    "external, a URI with a function": Case(
        external(template(data={"uri": 'a://u:{{ .p | replace "a" "b" }}@h'})), ["unescaped-uri"]
    ),
    "external, an escaped URI": Case(external(template(data={"value": "a://u:{{ .p | urlquery }}@h/d"}))),
    "external, a host of a template": Case(external(template(data={"value": "a://u@{{ .host }}/d"}))),
    "external, a URI of a template in another key": Case(
        external(template(data={"DSN": "postgres://u:{{ .p | urlquery }}@h/d"}))
    ),
    "external, JSON of a template in another key": Case(
        external(template(data={"db.json": '{"engine": "mysql", "host": "h", "password": {{ .p | toJson }}}'}))
    ),
    "external, a whole value in another key": Case(
        external(template(data={"DSN": "{{ .uri }}"})), ["depends-on-value"], "'DSN'"
    ),
    "external, a text with values in another key": Case(
        external(template(data={"file.txt": "user {{ .u }}"})), ["unreadable"], "'file.txt'"
    ),
    "external, a form of a value that the keys require": Case(external(spec=fetched("VAULT_ADDR", "VAULT_TOKEN"))),
    "external, the type comes from the store": Case(external(spec=fetched("conn_type", "api_key"))),
    "external, two tokens": Case(external(spec=fetched("GITHUB_TOKEN", "SLACK_BOT_TOKEN")), ["unreadable"]),
    "external, an unknown key of a team": Case(
        external(spec=fetched("x"), labels={CONNECTION: "my_db", TEAM: "blue"}), ["depends-on-value"]
    ),
    "external, known names of a team": Case(
        external(spec=fetched("VAULT_ADDR", "VAULT_TOKEN"), labels={CONNECTION: "my_db", TEAM: "blue"})
    ),
    "external, unknown keys of a team": Case(
        external(spec=fetched("x", "y"), labels={CONNECTION: "my_db", TEAM: "blue"}), ["unreadable"]
    ),
    "external, a scheme with a value in another key": Case(
        external(template(data={"DSN": "postgres{{ .q }}://h/d"})), ["depends-on-value"]
    ),
    "external, a brace of an action in another key": Case(
        external(template(data={"DSN": '{{ "{" }}"engine": "mysql", "host": "h"}'})), ["depends-on-value"]
    ),
    "external, the name of a field in another key": Case(
        external(template(data={"DSN": '{"engine": "mysql", "{{ .n | b64enc }}": "h"}'})), ["depends-on-value"]
    ),
    "external, the type of a key file": Case(
        external(template(data={"key.json": '{"type": {{ .t | toJson }}, "private_key": {{ .p | toJson }}}'}))
    ),
    **{
        f"external, a whole connection that a template encodes: {text}": Case(
            external(template(data={"value": text})), codes, says
        )
        for text, codes, says in (
            ("{{ .uri | b64enc }}", ["unreadable"], "b64enc encodes the whole connection"),
            ("{{ .uri | quote }}\n", ["unreadable"], "quote"),
            ("{{- urlquery .uri -}}", ["unreadable"], "urlquery"),
            ("{{ .uri | b64dec }}", [], ""),
            ('{{ quote .uri | trimAll "x" }}', [], ""),
            ("{{ .uri }}", [], ""),
            ("{{ .fields | toJson }}", [], ""),
            ("{{ .first | b64enc }}{{ .second }}", [], ""),
        )
    },
    # An action can contain what decides about the form.
    **{
        f"external, {key}: {text}": Case(external(template(data={key: text})), codes)
        for key, text, *codes in (
            (".dockerconfigjson", '{"auths":{"ghcr.io":{"auth":"{{ printf "%s:%s" .u .p | b64enc }}"}}}'),
            (".dockerconfigjson", '{"auths":{"ghcr.io":{"auth": {{ .a | toJson }}}}}'),
            (".dockerconfigjson", '{"auths": {{ .auths | fromJson | toJson }}}'),
            (".dockercfg", '{"ghcr.io":{"auth":"{{ .a }}"}}', "unescaped-json"),
            ("AZURE_STORAGE_CONNECTION_STRING", "DefaultEndpointsProtocol=https;{{ .rest }}"),
            ("attribute.primary_connection_string", "h:6380,{{ .options }}"),
            ("dsn", "app_user:{{ .rest }}"),
        )
    },
    **{
        f"external, a prefix of unknown keys, {name}": Case(
            external(target, spec, annotations=labelled(key_prefix=prefix, connection_type="postgres")), codes
        )
        for name, target, spec, prefix, codes in (
            ("all from the store", {}, {"dataFrom": [{"extract": {"key": "x"}}]}, "DB_", []),
            ("merged", {"creationPolicy": "Merge"}, fetched("DB_HOST"), "DB_", []),
            ("no key can begin so", {}, {"dataFrom": [{"extract": {"key": "x"}}]}, "D B", ["unreadable"]),
            ("known keys", {}, fetched("HOST"), "DB_", ["unreadable"]),
        )
    },
    **{
        f"external, a type that requires {other} keys": Case(
            external({"template": {"metadata": {"labels": {CONNECTION: "my_db"}}, "type": kind}}, spec), codes, says
        )
        for other, kind, spec, codes, says in (
            ("other", "kubernetes.io/basic-auth", fetched("host"), ["invalid-manifest"], "'username' or 'password'"),
            ("these", "kubernetes.io/basic-auth", fetched("host", "password"), [], ""),
            ("unknown", "kubernetes.io/basic-auth", {"dataFrom": [{"extract": {"key": "x"}}]}, [], ""),
        )
    },
    "sealed, a type that requires other keys": Case(
        sealed(type="kubernetes.io/dockerconfigjson"), ["invalid-manifest"], "'.dockerconfigjson'"
    ),
    # Flux replaces a variable in any manifest.
    **{
        f"a variable of Flux, {name}": Case(manifest, ["not-checked"], "Flux")
        for name, manifest in (
            ("external", external(template(data={"value": "${URI}"}))),
            ("sealed", sealed(keys=["VAULT_TOKEN"], data={"VAULT_ADDR": "${VAULT_ADDR}"})),
            ("generator", kustomization(literals=["host=h", "port=${PORT}"])),
        )
    },
    "external, a token": Case(external(spec=fetched("token")), ["depends-on-value"], "'slack'"),
    "external, a token and an invalid annotation": Case(
        external(spec=fetched("token"), annotations=labelled(data_key="x")), ["unreadable"]
    ),
    "external, JSON of a template": Case(
        external(template(data={"value": '{"conn_type": "x", "password": "{{ .p }}"}'})), ["unescaped-json"], "toJson"
    ),
    "external, escaped JSON": Case(
        external(template(data={"value": '{"conn_type": "x", "password": {{ .p | toJson }}}'}))
    ),
    "external, a constant": Case(external(template(data={"value": URI}))),
    "external, a constant that is no URI": Case(external(template(data={"value": "postgres//x"})), ["unreadable"]),
    "external, constants and values of the store": Case(
        external(template(data={"host": "db", "port": "x", "password": "{{ .p }}"}))
    ),
    "external, constants that are no connection": Case(
        external(template(data={"host": "db", "port": "x"})), ["unreadable"], "port"
    ),
    "external, labels outside the metadata": Case(
        external({"template": {"labels": {CONNECTION: "my_db"}}}, labels={}),
        ["label-lost"],
        "under spec.target.template.labels does not reach the Secret. Put it under spec.target.template.metadata.lab",
    ),
    "external, misspelt labels outside the metadata": Case(
        external({"labels": labelled(conection_id="x")}, labels={}), ["unknown-label"], "under spec.target.labels"
    ),
    **{
        f"annotations under {where}": Case(
            manifest,
            # kubectl also rejects an unknown field of a Secret.
            [*(["invalid-manifest"] if manifest["kind"] == "Secret" else []), "annotation-lost"],
            f"under {where} does not reach the Secret. {to}",
        )
        for where, to, manifest in (
            ("annotations", "Put it under metadata.annotations", {**secret(), "annotations": OF_PORT}),
            ("metadata.anotations", "Put it under metadata.annotations", secret(anotations=OF_PORT)),
            ("metadata.annotation", "Put it under metadata.annotations", secret(annotation=OF_PORT)),
            ("metadata.Annotations", "Put it under metadata.annotations", secret(Annotations={CONNECTION: "my_db"})),
            (
                "spec.target.template.annotations",
                "Put it under spec.target.template.metadata.annotations",
                external(template(annotations=OF_PORT)),
            ),
            ("spec.target.annotations", "Put it under metadata.annotations", external({"annotations": OF_PORT})),
            (
                "spec.annotations",
                "Put it under spec.target.template.metadata.annotations",
                external(template(), {"annotations": OF_PORT, **fetched("host")}),
            ),
            ("spec.template.annotations", "Put it under spec.template.metadata", sealed(annotations=OF_PORT)),
        )
    },
    "the label of a team in the wrong place": Case(
        {**secret(), "labels": {TEAM: "a"}},
        ["invalid-manifest", "label-lost"],
        "under labels does not reach the Secret",
    ),
    "an annotation in the right and in the wrong place": Case(
        secret(annotations=OF_PORT, anotations=OF_PORT), ["invalid-manifest"], "Write 'metadata.annotations'"
    ),
    "vault, an annotation in the wrong place": Case(
        [{**vault(), "spec": {**vault()["spec"], "annotations": OF_PORT}}],
        ["annotation-lost"],
        "Put it under spec.destination.annotations",
    ),
    "kustomize, an annotation in the wrong place": Case(
        [{**kustomization(literals=["host=h"]), "annotations": OF_PORT}],
        ["annotation-lost"],
        "Put it under secretGenerator[].options.annotations",
    ),
    **{
        f"{tool}, {what} where keys are not known": Case(manifest, ["unreadable"] if says else [], says)
        for what, annotations, says in (
            ("an extra that is no JSON", {"connection_extra": "nojson"}, "it is not a JSON object such as"),
            ("an invalid port", {"connection_port": "abc"}, "the port is not a number"),
            ("an unknown field", {"field_hots": "x"}, "there is no such field"),
            ("other keys that are not known", {"other_keys": "all"}, "it can only be 'extra'"),
            ("a field twice", {"connection_host": "h", "field_host": "h"}, "specifies it too"),
            ("extra twice", {"connection_extra": '{"a": 1}', "extra_a": "h"}, "contains it too"),
            ("two connections in one key", {"data_key": "a", "field_uri": "b"}, "contains the whole connection"),
            ("one key for two things", {"data_key": "a", "field_password": "a"}, "it names the same key as"),
            ("an invalid key", {"field_password": PASSWORD}, "it names a key that is not valid in data"),
            ("valid annotations", {"field_password": "a", "data_key": "b", "extra_x": "c"}, ""),
            ("a URI that is named", {"field_uri": "a", "connection_port": "5", "other_keys": "extra"}, ""),
        )
        for tool, manifest in of_unknown_keys(**annotations).items()
    },
    "a variable where keys are not known": Case(
        external(labels={VARIABLE: "v"}, annotations=labelled(data_key="a b")),
        ["unreadable"],
        "that is not valid in data",
    ),
    "a variable with annotations of a connection where keys are not known": Case(
        external(labels={VARIABLE: "v"}, annotations=labelled(connection_port="x")), ["unknown-annotation"]
    ),
    "external, a misspelt label above a template": Case(
        external(template(), labels=labelled(conection_id="x")), ["unknown-label"], "did you mean"
    ),
    "external, a label of a chart": Case(
        external(labels={CONNECTION: "{{ .Values.id }}"}), ["not-checked"], "a template that is not rendered"
    ),
}
