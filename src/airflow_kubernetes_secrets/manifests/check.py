"""``check``: what Airflow will find in the Secrets that manifests make, decided by the rules of a lookup.

``operators.py`` says which Secrets a document makes. Each of these is then checked like a Secret in a cluster. No
cluster is needed, so it is unknown which Secrets exist already, and which permissions there are.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, BinaryIO, Final

from airflow_kubernetes_secrets.errors import MalformedSecretError, OneLineError
from airflow_kubernetes_secrets.formats.reading import IN_FIELDS, is_completed
from airflow_kubernetes_secrets.inventory.content import UNESCAPED, UNREADABLE, content_of
from airflow_kubernetes_secrets.inventory.labels_and_annotations import (
    NOT_LOOKED_UP,
    SOME_VALUE,
    invalid_labels,
    misspelt_label,
    of_a_team,
    problems_of_annotations,
    problems_of_id,
    unknown_labels_and_annotations,
)
from airflow_kubernetes_secrets.kubernetes.documents import mapping
from airflow_kubernetes_secrets.kubernetes.labels import HIDDEN, is_data_key, quoted_data_key, quoted_label_key
from airflow_kubernetes_secrets.kubernetes.manifest_documents import (
    Document,
    RefusedError,
    is_manifest,
    read_manifests,
    refused_list,
    unpacked,
)
from airflow_kubernetes_secrets.kubernetes.manifest_files import (
    Identity,
    TooLargeError,
    identity,
    manifest_files,
    read_file,
    read_stream,
)
from airflow_kubernetes_secrets.kubernetes.manifest_secrets import secret_of
from airflow_kubernetes_secrets.kubernetes.objects import ANNOTATION_PREFIX, Secret
from airflow_kubernetes_secrets.kubernetes.unprocessed import Tool, is_ciphertext, is_encrypted, known_part, unrendered
from airflow_kubernetes_secrets.lookup.identifiers import identifier_of, is_uri, label_value
from airflow_kubernetes_secrets.lookup.selection import Kind, Lookup, Outcome, kinds_by_label
from airflow_kubernetes_secrets.manifests.go_templates import has_no_type, problem_of_template
from airflow_kubernetes_secrets.manifests.kustomize import (
    NOT_CHECKED,
    Patches,
    inline_patches,
    is_kustomization,
    problems_of_patch,
)
from airflow_kubernetes_secrets.manifests.planned_secret import (
    ANNOTATION_LOST,
    INVALID_MANIFEST,
    LABEL_LOST,
    PlannedSecret,
    name_for_messages,
)
from airflow_kubernetes_secrets.manifests.plans import plans
from airflow_kubernetes_secrets.manifests.secret_manifest import decide_alone
from airflow_kubernetes_secrets.manifests.server_validation import no_such_resource, refusals
from airflow_kubernetes_secrets.messages.listing import few, first
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.messages.problem import Problem, Severity
from airflow_kubernetes_secrets.messages.problem_codes import ProblemCode
from airflow_kubernetes_secrets.options.backend_kwargs import Options

UNREADABLE_MANIFEST: Final = "unreadable-manifest"
DUPLICATE_ID: Final = "duplicate-id"
DUPLICATE_SECRET: Final = "duplicate-secret"  # noqa: S105 - the code of a problem
DUPLICATE_KEY: Final = "duplicate-key"

STDIN = "-"

_DATA = ("data", "stringData")

# Matches the name of the mapping of annotations, even if it is misspelt.
_ANNOTATIONS = re.compile("(?i)an+ot.*")

# Matches the keys at the top of a Kubernetes manifest: at the beginning of a line, or quoted in JSON.
_TOP = re.compile(
    r"""^(?:kind|apiVersion|["']kind["']|["']apiVersion["'])\s*:|["'](?:kind|apiVersion)["']\s*:""", re.MULTILINE
)
_KIND_OF_SECRET = re.compile(r"\bkind[\"']?\s*:\s*[\"']?\w*Secret", re.MULTILINE)


class PathError(OneLineError):
    """A file or folder with manifests does not exist, or cannot be read."""


@dataclass(frozen=True)
class ManifestPosition:
    """The position of a manifest.

    Attributes:
        path: the path of its file, or ``-`` for standard input.
        line: the first line of its document; 1 for JSON.
    """

    path: str
    line: int

    def __str__(self) -> str:
        return printable(f"{self.path}:{self.line}")


@dataclass(frozen=True)
class ManifestProblem:
    """A problem, and the position of its manifest."""

    position: ManifestPosition
    problem: Problem


class Check:
    """Checks manifests. All of them together are one set, in which no Secret and no id may occur twice.

    Attributes:
        findings: in the order of the files, and of the documents in each file.
        manifests: how many manifests have a label that lookups use.
    """

    def __init__(self, options: Options, home: str, exclude: Sequence[str] = ()) -> None:
        """Start with an empty set of manifests.

        Args:
            options: the options that Airflow will look things up with.
            home: the namespace of manifests that name none.
            exclude: patterns of paths, or of names of files and folders, that are skipped.
        """
        self._exclude = tuple(exclude)
        self._options = options
        self._home = home
        self._files: set[Identity] = set()
        self._patches = Patches()
        self._secrets: dict[str, tuple[ManifestPosition, bool]] = {}
        self._ids: dict[tuple[str, ...], tuple[ManifestPosition, Secret]] = {}
        self.findings: list[ManifestProblem] = []
        self.manifests = 0

    def check_path(self, path: Path) -> bool:
        """Check a file, or all files in a folder and its subfolders. A file is checked only once.

        Returns:
            Whether there was a manifest for Airflow, or a problem.

        Raises:
            PathError: the path, or something in the folder, cannot be read.
        """
        before = self.manifests, len(self.findings)
        try:
            found = path.stat()
            if stat.S_ISDIR(found.st_mode):
                files = list(manifest_files(str(path), self._is_excluded))
                for each, _status in files:
                    self._patches.search_folder(os.path.dirname(each))  # noqa: PTH120 - names can be any bytes
                for each, status in files:
                    if isinstance(status, OSError):
                        raise _unreadable(each, status)
                    self._read(each, status)
            elif not self._is_excluded(str(path)):
                self._patches.search_folder(str(path.parent))
                self._read(str(path), found)
        except OSError as error:
            raise _unreadable(str(path), error) from None
        return before != (self.manifests, len(self.findings))

    def check_stream(self, stream: BinaryIO) -> bool:
        """Check the manifests from standard input.

        Returns:
            Whether there was a manifest for Airflow, or a problem.
        """
        before = self.manifests, len(self.findings)
        try:
            self._check_content(STDIN, read_stream(stream))
        except TooLargeError as error:
            self._report(ManifestPosition(STDIN, 1), Problem(UNREADABLE_MANIFEST, str(error)))
        return before != (self.manifests, len(self.findings))

    def _is_excluded(self, path: str) -> bool:
        """Return whether a pattern matches the path, a parent folder, or one of their names."""
        parts = Path(path).parts
        paths = ["/".join(parts[:end]).replace("//", "/") for end in range(1, len(parts) + 1)]
        return any(fnmatchcase(each, pattern.rstrip("/")) for pattern in self._exclude for each in (*parts, *paths))

    def _read(self, path: str, found: os.stat_result) -> None:
        """Read a file, unless it was read before, and check its documents."""
        this = identity(found)
        if this in self._files:
            return
        self._files.add(this)
        shown = _shown(path)
        try:
            content = read_file(path)
        except OSError as error:
            raise _unreadable(path, error) from None
        except TooLargeError as error:
            self._report(ManifestPosition(shown, 1), Problem(UNREADABLE_MANIFEST, str(error)))
            return
        self._check_content(shown, content, self._patches.folder_of(found))

    def _check_content(self, path: str, content: bytes, patched: str | None = None) -> None:
        """Check the documents of a file.

        Args:
            patched: the folder of the kustomization, if the file is a patch; else ``None``.
        """
        documents = list(read_manifests(content))
        # Files of other programs are not judged. They may have tags and comments that kubectl does not accept.
        can_be_manifests = any(map(self._can_be_manifest, documents))
        for document in documents:
            position = ManifestPosition(path, document.line)
            if document.problem:
                if can_be_manifests:
                    self._report(position, *self._unreadable(document))
            elif patched is not None:
                self._check_patches(position, unpacked(document.value), _shown(patched))
            elif isinstance(document.value, dict):
                if can_be_manifests:
                    self._report_repeated(path, document)
                if (problem := refused_list(document.value)) and self._is_for_airflow(document.text):
                    self._report(position, Problem(UNREADABLE_MANIFEST, problem))
                for each in unpacked(document.value):
                    self._check(position, each)
            else:
                self._report(position, *self._no_mapping(document))

    def _no_mapping(self, document: Document) -> Iterator[Problem]:
        """Yield what is wrong with a document that is a list or a string, if it was meant as a manifest."""
        if is_ciphertext(document.text):
            yield _all_encrypted("the file")
        elif (problem := refused_list(document.value)) and self._is_for_airflow(document.text):
            yield Problem(UNREADABLE_MANIFEST, problem)
        elif document.value is not None and _TOP.search(document.text):
            yield Problem(UNREADABLE_MANIFEST, "it is not a mapping, so kubectl would refuse it. JSON has no comments")

    def _report_repeated(self, path: str, document: Document) -> None:
        """Report keys that a mapping contains twice."""
        is_ours = self._is_for_airflow(document.text) or _KIND_OF_SECRET.search(document.text)
        for (line, name), more in first(document.repeated if is_ours else ()):
            is_of_airflow = name.startswith(ANNOTATION_PREFIX) or name in kinds_by_label(self._options)
            quoted = quoted_label_key(name) if is_of_airflow else quoted_data_key(name)
            text = (
                f"the key {quoted}{more} is present twice. kubectl uses the last one; Kustomize, "
                "which Flux runs, refuses the file. Remove one of them"
            )
            self._report(ManifestPosition(path, line), Problem(DUPLICATE_KEY, text, Severity.WARNING))

    def _can_be_manifest(self, document: Document) -> bool:
        """Return whether a document is, or was meant as, a Kubernetes manifest."""
        if document.problem:
            return _TOP.search(document.text) is not None or self._is_for_airflow(document.text)
        return isinstance(document.value, dict) and is_manifest(document.value)

    def _is_for_airflow(self, text: str) -> bool:
        """Return whether a text contains one of Airflow's labels or annotations."""
        return ANNOTATION_PREFIX in text or any(label in text for label in kinds_by_label(self._options))

    def _unreadable(self, document: Document) -> Iterator[Problem]:
        """Yield the problem of a document that cannot be parsed."""
        if not unrendered(document.text):
            text = f"{document.problem}. Correct it; kubectl would refuse the file too"
            yield Problem(UNREADABLE_MANIFEST, text)
        elif self._is_for_airflow(document.text) or _KIND_OF_SECRET.search(document.text):
            text = (
                "a template that is not rendered cannot be checked. Check the rendered "
                "manifests: helm template CHART | airflow-kubernetes-secrets check -"
            )
            yield Problem(NOT_CHECKED, text, Severity.NOTICE)

    def _report(self, position: ManifestPosition, *problems: Problem) -> None:
        self.findings += (ManifestProblem(position, problem) for problem in problems)

    def _check(self, position: ManifestPosition, document: Any) -> None:
        """Check one manifest: the Secrets that it makes, its patches, and labels without effect."""
        file = Path(position.path)
        found = plans(document, self._options, file.name)
        for plan in found:
            self._check_plan(position, plan)
        if is_kustomization(document, file.name):
            self._check_patches(position, inline_patches(document), str(file.parent))
        if isinstance(document, dict):
            problem = "" if found or not self._has_our_label(document) else no_such_resource(document)
            if problem:
                text = f"a manifest with a label for Airflow: {problem}. The API would refuse it"
                self._report(position, Problem(INVALID_MANIFEST, text))
            else:
                self._report(position, *self._misplaced(document, found))

    def _has_our_label(self, manifest: dict[str, Any]) -> bool:
        """Return whether a manifest is for Airflow, or was meant to be."""
        if not {str(key).lower() for key in manifest} & {"kind", "apiversion"} or is_ciphertext(manifest.get("kind")):
            return False
        labels, kinds = mapping(mapping(manifest, "metadata"), "labels"), kinds_by_label(self._options)
        return any(label in kinds or str(label).startswith(ANNOTATION_PREFIX) for label in labels)

    def _check_patches(self, position: ManifestPosition, patches: Iterable[object], folder: str) -> None:
        for patch in patches:
            self._report(position, *problems_of_patch(patch, self._options, folder))

    def _check_plan(self, position: ManifestPosition, plan: PlannedSecret) -> None:
        """Check one Secret that a manifest makes."""
        self.manifests += plan.is_labelled
        self._report(position, *plan.problems)
        if plan.manifest is None:
            return
        manifest, values, names = known_part(plan.manifest, SOME_VALUE)
        is_ours = plan.is_labelled or self._has_our_label(plan.manifest)
        if is_ours:
            self._report(position, *_not_checked(plan, values, names))
        elif values or names:
            return  # the manifest has no label for Airflow
        invalid = tuple(invalid_labels(manifest, self._options))
        if invalid:
            self._report(position, *invalid)
            return
        try:
            secret = secret_of(manifest, self._home)
        except RefusedError as error:
            text = f"{error}. The API would refuse it"
            self._report(position, Problem(INVALID_MANIFEST, text))
            return
        plan = replace(
            plan,
            unknown=plan.unknown | values.keys(),
            place_is_known=plan.place_is_known and not names,
            # Annotations can name keys that must exist, so unknown annotations leave the keys unknown.
            keys_are_known=plan.keys_are_known and not any(name.startswith(("annotation", *_DATA)) for name in names),
        )
        if is_ours:
            reasons = list(refusals(manifest, secret, plan.unknown if plan.keys_are_known else None))
            for reason, more in first(reasons):
                text = f"Secret {secret.name}: {reason}{more and f';{more}'}. The API would refuse it"
                self._report(position, Problem(INVALID_MANIFEST, text))
        # A Secret with several ids would report the same problem for each of them.
        problems = [*unknown_labels_and_annotations(secret, self._options), *self._problems_of(position, plan, secret)]
        self._report(position, *dict.fromkeys(problems))

    def _misplaced(self, document: dict[str, Any], found: Sequence[PlannedSecret]) -> Iterator[Problem]:
        """Yield problems with Airflow's labels and annotations in places where they have no effect.

        If nothing is known about the kind of resource, yield a notice instead.
        """
        metadata = mapping(document, "metadata")
        title = f"{printable(str(document.get('kind')))} {name_for_messages(metadata)}"
        if is_encrypted(document) and (is_ciphertext(document.get("kind")) or document.keys() == {"data", "sops"}):
            yield _all_encrypted("the manifest")
            return
        if not isinstance(document.get("kind"), str) or not isinstance(document.get("apiVersion"), str):
            return
        labels = {*kinds_by_label(self._options), self._options.team_label}
        reaching = {id(each) for plan in found for each in plan.reaching}
        # An annotation that also reaches the Secret from another place is not lost.
        reaching_keys = {key for plan in found for each in plan.reaching for key in each} - labels
        above = {id(each) for plan in found for each in plan.above}
        strays: dict[str, str] = {}
        for path, found_there in _all_mappings(document):
            for key in found_there:
                is_ours = key in labels or str(key).startswith(ANNOTATION_PREFIX)
                # Keys in places that never reach the Secret are already reported with the reason, except misspelt ones.
                is_reported = id(found_there) in reaching or (
                    id(found_there) in above and (key in labels or not misspelt_label(key, self._options))
                )
                if is_ours and not is_reported and key not in reaching_keys:
                    strays.setdefault(str(key), path)
        if not found and strays:
            key, path = next(iter(strays.items()))
            text = (
                f"{title}: it has {quoted_label_key(key)} under {path}, but this command does not know which "
                "Secrets such a resource creates. Check one with kubectl get secret --show-labels"
            )
            yield Problem(NOT_CHECKED, text, Severity.NOTICE)
            return
        for (key, path), more in first(list(strays.items())):
            quoted = quoted_label_key(key)
            if problem := misspelt_label(key, self._options):
                yield Problem("unknown-label", f"{title}, {quoted}{more} under {path}: {problem}", Severity.WARNING)
                continue
            is_label = key in labels and not _ANNOTATIONS.fullmatch(path.rpartition(".")[2])
            code: ProblemCode = LABEL_LOST if is_label else ANNOTATION_LOST
            word = "label" if is_label else "annotation"
            text = (
                f"{word} {quoted}{more} under {path} does not reach the Secret. Put it under "
                f"{found[0].metadata_path}.{word}s"
            )
            yield Problem(code, f"{title}: {text}")

    def _problems_of(self, position: ManifestPosition, plan: PlannedSecret, secret: Secret) -> Iterator[Problem]:
        """Yield the problems of one Secret with its ids and its content."""
        if plan.is_alone and plan.place_is_known:
            yield from self._same_secret(position, plan, secret)
        for label, kind in kinds_by_label(self._options).items():
            if label not in secret.labels:
                continue
            yield from problems_of_id(secret, label, plan.missing_annotations)
            identifier = identifier_of(secret, label)
            if is_uri(identifier) or label_value(identifier) != secret.labels[label]:
                continue  # no lookup finds it
            team_label = self._options.team_label
            team = None if team_label is None else secret.labels.get(team_label)
            if kind is Kind.CONFIG and team is not None:
                yield of_a_team(secret)
                continue
            lookup = Lookup(kind, identifier, team)
            if plan.place_is_known or plan.is_generated:
                yield from self._same_id(position, lookup, secret, str(position) if plan.is_generated else "")
            if plan.keys_are_known:
                yield from self._content(plan, lookup, secret)
            else:
                yield from problems_of_annotations(secret, kind)

    def _same_secret(self, position: ManifestPosition, plan: PlannedSecret, secret: Secret) -> Iterator[Problem]:
        """Yield a problem if another manifest makes this Secret too."""
        before = self._secrets.setdefault(str(secret), (position, plan.is_labelled))
        if before[0] is not position and (before[1] or plan.is_labelled):
            text = f"Secret {secret} is created by {before[0]} too, and one replaces the other. Remove one of them"
            yield Problem(DUPLICATE_SECRET, text, Severity.WARNING)

    def _same_id(self, position: ManifestPosition, lookup: Lookup, secret: Secret, among: str) -> Iterator[Problem]:
        """Yield a problem if another Secret has the same id.

        Args:
            among: the document to which the comparison is limited; an empty string compares with all documents.
        """
        team = [] if lookup.team is None else [lookup.team]
        which = (among, lookup.kind.plural, lookup.id, secret.namespace, *team)
        other_position, other = self._ids.setdefault(which, (position, secret))
        if str(other) != str(secret):
            yield Problem(
                DUPLICATE_ID,
                f"Secret {secret}: Secret {other} in {other_position} is {lookup} too. Airflow uses "
                "the oldest, and manifests do not contain the age. Remove one of them, or give it another id",
            )

    def _content(self, plan: PlannedSecret, lookup: Lookup, secret: Secret) -> Sequence[Problem]:
        """Return what Airflow could not read, or not as intended."""
        try:
            decision = decide_alone(lookup, secret, self._options)
        except MalformedSecretError as error:
            return [Problem(UNREADABLE, str(error))]
        if decision.outcome is Outcome.FOUND:
            key = decision.data_key
            has_other_keys = lookup.kind is Kind.CONNECTION and (key == IN_FIELDS or is_completed(secret, key))
            read = secret.data if has_other_keys else (key,)
            if lookup.kind is Kind.CONNECTION and not has_other_keys and key in plan.templates:
                return list(_of_template(plan, key))
            if not plan.unknown.isdisjoint(read):
                return ()
            return content_of(lookup.kind, secret, decision.data_key).problems
        if decision.skipped:
            return [Problem(UNREADABLE, "; ".join(map(str, decision.skipped)))]
        text = f"Secret {secret}, {lookup}: {decision.outcome.value}. Give it another id, or correct backend_kwargs"
        return [Problem(NOT_LOOKED_UP, text)]


def _of_template(plan: PlannedSecret, key: str) -> Iterator[Problem]:
    """Yield what is wrong with the template of a connection, whatever values it gets."""
    text = plan.templates[key]
    where = f"{plan.title}, key {key!r} of the template"
    if problem := problem_of_template(text):
        yield Problem(UNREADABLE, f"{where}: with any values, {problem}")
    elif has_no_type(text):
        problem = (
            "it begins with a value and has no '://'. Airflow can read it only if that value contains a type, '://' "
            "and more. Write the type in the template, as in postgres://; or store each field in its own key: login, "
            "password, host"
        )
        yield Problem(UNESCAPED, f"{where}: {problem}", Severity.WARNING)


def _not_checked(plan: PlannedSecret, values: dict[str, Tool], names: dict[str, Tool]) -> Iterator[Problem]:
    """Yield notices for values and names that the manifest does not contain. The rest of the manifest is checked."""
    title = plan.title or "the Secret"
    for tool in dict.fromkeys(values.values()):
        keys = [quoted_data_key(key) for key, each in values.items() if each is tool]
        holds = "key {} contains" if len(keys) == 1 else "keys {} contain"
        what = f"{holds.format(few(keys, len(keys)))} {tool.what}"
        text = f"{title}: {what}. Labels, names and keys are checked; values are not"
        yield Problem(NOT_CHECKED, text, Severity.NOTICE)
    for tool in dict.fromkeys(names.values()):
        parts = [name for name, each in names.items() if each is tool]
        what = f"{few(parts, len(parts))} {'is' if len(parts) == 1 else 'are each'} {tool.what}"
        text = f"{title}: {what}, and {'is' if len(parts) == 1 else 'are'} not checked. {tool.remedy}"
        yield Problem(NOT_CHECKED, text, Severity.NOTICE)


def _all_encrypted(what: str) -> Problem:
    text = (
        f"{what} is completely encrypted with SOPS, so it cannot be checked. Encrypt values only: sops encrypt "
        "--encrypted-regex '^(data|stringData)$'"
    )
    return Problem(NOT_CHECKED, text, Severity.NOTICE)


def _all_mappings(document: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every mapping in a document, at any level, with its path."""
    waiting = [("", document)]
    while waiting:
        path, each = waiting.pop()
        if isinstance(each, dict):
            yield path or "the top", each
            shown = ((key if is_data_key(key) else HIDDEN, value) for key, value in each.items())
            waiting += [(f"{path}.{key}" if path else key, value) for key, value in shown]
        elif isinstance(each, list):
            waiting += [(f"{path}[]", value) for value in each]


def _unreadable(path: str, error: OSError) -> PathError:
    problem = error.strerror or type(error).__name__
    return PathError(f"{_shown(path)} cannot be read: {problem}. Correct the path, or its permissions")


def _shown(path: str) -> str:
    """Return a path as a printable string. The names of files can contain any bytes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
