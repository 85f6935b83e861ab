"""Mistakes in a folder with mounted files: what nothing reads, although it was probably meant as a value.

Lookups use only :func:`why_not_found`, if they find nothing, and :func:`how_to_mount`, if the Secret of a reference
does not exist. Commands use everything else.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator, Sequence
from urllib.parse import quote

import msgspec

from airflow_kubernetes_secrets.errors import MountedFileError
from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value, looks_hashed
from airflow_kubernetes_secrets.kubernetes.labels import is_data_key
from airflow_kubernetes_secrets.kubernetes.manifest_files import LOST_AND_FOUND, MANIFEST_SUFFIXES
from airflow_kubernetes_secrets.kubernetes.mounted_folder import LEADS_NOWHERE, MountedFolder
from airflow_kubernetes_secrets.messages.listing import first_names
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.messages.suggestions import nearest
from airflow_kubernetes_secrets.sources.mounted import (
    BINDING,
    BINDINGS,
    CONNECTIONS,
    KIND_FOLDERS,
    WHOLE_SECRETS,
    FolderState,
    Mounted,
    MountedSecret,
    absolute_path,
)

_SUBFOLDERS = (*KIND_FOLDERS, WHOLE_SECRETS)

# Other names that people give these folders, and that are not spelt like them.
_SYNONYMS = {"conn": CONNECTIONS, "conns": CONNECTIONS, "vars": "variables", "var": "variables", "cfg": "config"}
_SUGGESTION_CUTOFF = 0.8

# Endings that people or programs give files, in any case, and that are then a part of the id.
_ENDINGS = (".txt", ".uri", ".url", ".env", ".conf", *MANIFEST_SUFFIXES, ".tmp", ".bak", ".orig", "~")

# Kustomize and Helm read these files, which need no kind.
_OF_OTHER_TOOLS = ("kustomization.yaml", "kustomization.yml", "Chart.yaml", "values.yaml")

_IS_A_FILE = "is a file, but a Secret for 'references' is a folder with a file for each key. Mount all keys"


def how_to_mount(path: str, name: str) -> str:
    """Return how to provide a Secret for ``references`` that is not in a folder, for a message.

    Args:
        path: the value of the option ``path``.
    """
    mounted = f"{absolute_path(path)}/{WHOLE_SECRETS}/{name}"
    if os.path.isfile(mounted):  # noqa: PTH113  # a path may be any string
        return f"{mounted} {_IS_A_FILE}"
    return f"Mount it at {mounted}, add a manifest of it"


class LayoutMistake(msgspec.Struct, frozen=True):
    """A file or folder that nothing reads.

    Attributes:
        kind: the kind of the ids in its folder; empty if it is not in such a folder.
        name: its name, which can be an id.
        text: its path, why nothing reads it, and what to do.
    """

    kind: str
    name: str
    text: str

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "text", printable(self.text))


def why_not_found(folder: MountedFolder, unused: Iterable[tuple[str, str]], state: FolderState) -> Iterator[str]:
    """Yield why nothing reads these files and folders, as far as they were probably meant as values.

    Args:
        unused: the subfolder that each is in, and its name.
    """
    for subfolder, name in unused:
        if text := _why_unused_or_mixed(folder, subfolder, name, state):
            yield text


def why_unused(folder: MountedFolder, subfolder: str, name: str, state: FolderState) -> str:
    """Return why a file or folder is no mounted Secret, with its path and the remedy.

    The result is empty if it is used otherwise, or if another message says why it cannot be read.

    Args:
        subfolder: the subfolder that it is in: that of a kind, or the one for whole Secrets.
    """
    path = folder.path(subfolder, name)
    if path in state.manifests:
        return ""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116  # a path may be any string
    except (FileNotFoundError, NotADirectoryError):
        return _dangling(path)
    except OSError:
        return ""
    if stat.S_ISREG(mode):
        return _why_file_is_unused(path, subfolder, name, state)
    if stat.S_ISDIR(mode):
        return _why_folder_is_unused(path, name, state)
    return f"{path} is neither a file nor a folder, so nothing reads it. Replace it by a file"


def _dangling(path: str) -> str:
    """Return the message for a link that leads nowhere; empty if there is no such link."""
    is_link = os.path.islink(path)  # noqa: PTH114  # a path may be any string
    return f"{path} {LEADS_NOWHERE}" if is_link else ""


def _why_file_is_unused(path: str, subfolder: str, name: str, state: FolderState) -> str:
    if name.endswith(MANIFEST_SUFFIXES):
        stem = name.rpartition(".")[0]
        remedy = f"Name it {stem!r} if that is the id. For the id {name!r}, name it {name}/value"
        return _not_a_manifest(path, remedy) if path in state.without_manifest and name not in _OF_OTHER_TOOLS else ""
    return f"{path} {_IS_A_FILE}" if subfolder == WHOLE_SECRETS else ""


def _not_a_manifest(path: str, remedy: str) -> str:
    why = "has the name of a manifest and contains none (no 'apiVersion' with 'kind'), so nothing reads it"
    return f"{path} {why}. {remedy}"


def _why_folder_is_unused(path: str, name: str, state: FolderState) -> str:
    try:
        files, inner_folders = _content_of(path)
    except OSError:
        return ""
    if not files and not inner_folders:
        return f"{path} is an empty folder, so nothing reads it. Add a file for each key, or remove it"
    if not files:
        remedy = _remedy_for_depth(name, inner_folders[0])
        return f"{path} contains folders only, which are too deep to be read. {remedy}"
    named = [each for each in files if f"{path}/{each}" in state.without_manifest and each not in _OF_OTHER_TOOLS]
    if named and all(each.endswith(MANIFEST_SUFFIXES) for each in files):
        return (
            f"{path} is read as a folder of manifests, because the names of all its files end with .yaml, .yml or "
            f".json; but {first_names(map(repr, named), len(named))} contains none. For a Secret with such keys, mount "
            f"a volume there, or add a file with another name, such as {BINDING!r}. For one whole value, make {path} a "
            "file"
        )
    return ""


def _remedy_for_depth(name: str, subfolder: str) -> str:
    identifier = f"{name}/{subfolder}"
    return f"Move them up. If the id is {identifier!r}, the name of its file or folder is {label_value(identifier)!r}"


def _content_of(folder: str) -> tuple[list[str], list[str]]:
    """Return the names of the files in a folder, also of those that are no regular files, and of the folders."""
    files: list[str] = []
    inner_folders: list[str] = []
    with os.scandir(folder) as found:
        for each in sorted(found, key=lambda each: each.name):
            if not each.name.startswith(".") and each.name != LOST_AND_FOUND:
                try:
                    names = inner_folders if each.is_dir() else files
                except OSError:
                    names = files  # a link that cannot be followed
                names.append(each.name)
    return files, inner_folders


def mistakes(
    mounted: Mounted, secrets: Iterable[MountedSecret], unreadable: Collection[str], state: FolderState
) -> Sequence[LayoutMistake]:
    """Return all mistakes in a folder.

    Args:
        secrets: the mounted Secrets in it.
        unreadable: the paths of those that cannot be read, which is reported as an error.
    """
    folder = mounted.folder
    found: list[LayoutMistake] = []
    # What is used, or reported already. A file in it is not reported again.
    covered = {*(each.path for each in secrets), *unreadable}
    for subfolder in (BINDINGS, *_SUBFOLDERS):
        names = _names_in(folder, subfolder)
        if text := _why_no_subfolder(folder.path(subfolder)) if subfolder else "":
            found.append(LayoutMistake(subfolder if subfolder in KIND_FOLDERS else "", "", text))
        if names and subfolder in KIND_FOLDERS and subfolder not in mounted.kinds:
            why = f"nothing reads it, because {subfolder}_label is null in backend_kwargs"
            text = f"{folder.path(subfolder)}: {why}. Remove the folder or the option"
            found.append(LayoutMistake(subfolder, "", text))
            covered.add(folder.path(subfolder))
            continue
        for name in names:
            path = folder.path(subfolder, name) if subfolder else folder.path(name)
            if path in covered:
                found += ignored_keys(path, subfolder or CONNECTIONS)
            elif subfolder or name not in _SUBFOLDERS:
                text = _why_unused_or_mixed(folder, subfolder, name, state)
                if text:
                    found.append(LayoutMistake(subfolder if subfolder in KIND_FOLDERS else "", name, text))
                    covered.add(path)
    for path in sorted(state.without_manifest):
        name = os.path.basename(path)  # noqa: PTH119  # a path may be any string
        if name not in _OF_OTHER_TOOLS and covered.isdisjoint(_with_folders_above(path)):
            found.append(LayoutMistake("", name, _not_a_manifest(path, "Add both, or remove the file")))
    return found


def _why_no_subfolder(path: str) -> str:
    """Return why the folder of a kind cannot contain anything; empty if it can, or if it does not exist."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116  # a path may be any string
    except OSError:
        return ""  # it does not exist, or another message says why it cannot be read
    if stat.S_ISDIR(mode):
        return ""
    return f"{path} is not a folder, so nothing reads it. Replace it by a folder with a file for each id"


def _why_unused_or_mixed(folder: MountedFolder, subfolder: str, name: str, state: FolderState) -> str:
    """Return why nothing reads a file or folder, or some of the files in a folder of manifests."""
    path = folder.path(subfolder, name) if subfolder else folder.path(name)
    if not subfolder and name in KIND_FOLDERS:
        return _why_no_subfolder(path)
    if path not in state.manifests:
        return why_unused(folder, subfolder, name, state) if subfolder else _why_top_is_unused(folder, name, state)
    if not subfolder:
        return ""
    try:
        files, _inner_folders = _content_of(path)
    except OSError:
        return ""
    keys = [each for each in files if _looks_like_key(each)]
    if not keys:
        return ""
    return (
        f"{path} contains a manifest, so it is read as a folder of manifests, and nothing reads "
        f"{first_names(map(repr, keys), len(keys))}. Move the manifests to another folder"
    )


def _with_folders_above(path: str) -> Iterator[str]:
    """Yield a path, and the path of each folder that it is in."""
    while path.strip("/"):
        yield path
        path = os.path.dirname(path)  # noqa: PTH120  # a path may be any string


def _names_in(folder: MountedFolder, subfolder: str) -> list[str]:
    """Return the names in a folder; none if it cannot be read, which is another problem."""
    try:
        return sorted(folder.names(*filter(None, (subfolder,))))
    except MountedFileError:
        return []


def ignored_keys(path: str, subfolder: str = "") -> Iterator[LayoutMistake]:
    """Yield what is in the folder of a mounted Secret and is no key of it.

    Args:
        path: the path of the mounted Secret, which may be a file, or a folder that cannot be read.
        subfolder: the subfolder that it is in.
    """
    try:
        files, inner_folders = _content_of(path)
    except OSError:
        return
    kind = subfolder if subfolder in KIND_FOLDERS else ""
    secret = os.path.basename(path)  # noqa: PTH119  # a path may be any string
    for name in files:
        if is_data_key(name):
            continue  # if it is no key, it was added meanwhile
        text = f"{path}/{name}: the name is not valid as a key of a Secret, so nothing reads the file. Rename it"
        yield LayoutMistake(kind, secret, text)
    for name in inner_folders:
        text = f"{path}/{name} is a folder in a mounted Secret, so nothing reads it."
        yield LayoutMistake(kind, secret, f"{text} {_remedy_for_depth(secret, name)}")


def _why_top_is_unused(folder: MountedFolder, name: str, state: FolderState) -> str:
    """Return why nothing reads a file or folder that is directly in the folder of ``path``; empty if that is usual."""
    path = folder.path(name)
    if path in state.broken:
        return ""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116  # a path may be any string
        if stat.S_ISDIR(mode):
            return _why_top_folder_is_unused(folder, name, *_content_of(path), state)
    except (FileNotFoundError, NotADirectoryError):
        return _dangling(path)
    except OSError:
        return ""
    if not stat.S_ISREG(mode) or not _looks_like_key(name):
        return ""
    above = os.path.basename(folder.path().rstrip("/"))  # noqa: PTH119  # a path may be any string
    remedy = "Move it to connections, variables or config"
    if above in _SUBFOLDERS or name == BINDING:
        remedy = "Set 'path' in backend_kwargs to the folder above"
    return f"{path} is directly in the folder of 'path', so nothing reads it. {remedy}"


def _why_top_folder_is_unused(
    folder: MountedFolder, name: str, files: Sequence[str], inner_folders: Sequence[str], state: FolderState
) -> str:
    path = folder.path(name)
    if BINDING in files:  # it would be read if lookups of connections read anything
        text = f"nothing reads this service binding, because {CONNECTIONS}_label is null in backend_kwargs"
        return f"{path}: {text}. Remove the folder or the option"
    values = [
        each for each in files if not each.endswith(MANIFEST_SUFFIXES) or f"{path}/{each}" in state.without_manifest
    ]
    keys = [each for each in values if _looks_like_key(each)]
    of_manifests = {*state.manifests, *state.broken}
    misplaced = [each for each in inner_folders if each in _SUBFOLDERS and f"{path}/{each}" not in of_manifests]
    meant = _SYNONYMS.get(name.lower()) or nearest(name.lower(), _SUBFOLDERS, _SUGGESTION_CUTOFF)
    if not meant and keys:
        meant = next((each for each in _SUBFOLDERS if each in name.lower()), "")
    if meant and (values or inner_folders):
        return (
            f"{path}: nothing reads this folder. The folders with mounted files are connections, variables, config and "
            f"secrets; did you mean {meant!r}? Rename it"
        )
    if misplaced:
        return (
            f"{path}/{misplaced[0]} is too deep, so nothing reads it. Move it to {folder.path(misplaced[0])}, or set "
            f"'path' in backend_kwargs to {path}"
        )
    if keys:
        return (
            f"{path} contains {first_names(map(repr, keys), len(keys))} and no file {BINDING!r}, so it is no service "
            f"binding, and nothing reads it. Add {BINDING!r} with the type of the connection, or move the folder to "
            "connections, variables or secrets"
        )
    return ""


def _looks_like_key(name: str) -> bool:
    """Return whether a file is probably a value, and not a script or a document such as ``README.md``."""
    return is_data_key(name) and name == name.lower() and "." not in name


def misnamed(
    folder: MountedFolder, kind: str, identifier: str, state: FolderState, env_name: str = ""
) -> Sequence[LayoutMistake]:
    """Return the files that are probably meant for an id, and have another name or place.

    Args:
        kind: the folder of the id's kind.
        env_name: the name of the environment variable that Airflow derives from the id, if it derives one.
    """
    right = label_value(identifier)
    names = _names_in(folder, kind)
    found = [
        LayoutMistake(kind, identifier, text)
        for name in dict.fromkeys((identifier, right, *(f"{identifier}{suffix}" for suffix in MANIFEST_SUFFIXES)))
        if name in names and (text := _why_unused_or_mixed(folder, kind, name, state))
    ]
    reported = {each.text for each in found}
    if right not in names and identifier not in names:
        for path in _probably_meant(folder, kind, identifier, names, env_name):
            text = f"{path} is not the file or folder of the id {identifier!r}. Its name must be {right!r}. Rename it"
            if not any(each.startswith(f"{path} ") for each in reported):
                found.append(LayoutMistake(kind, identifier, text))
        if identifier in _names_in(folder, WHOLE_SECRETS):
            path = folder.path(WHOLE_SECRETS, identifier)
            text = f"{path} is for 'references', and none is for this id. Add one, or move it to {folder.path(kind)}"
            found.append(LayoutMistake(kind, identifier, text))
    return found


def _probably_meant(
    folder: MountedFolder, kind: str, identifier: str, names: Sequence[str], env_name: str
) -> Iterator[str]:
    """Yield the paths of files whose names are other encodings of an id, or that are in a place where no id is."""
    # An id can contain half of a surrogate pair, for example for a byte that is not UTF-8.
    others = {quote(identifier, safe, errors="surrogatepass") for safe in ("", "/")}
    others.add(identifier.replace("/", "\\"))
    others |= {identifier.replace("/", each) for each in ("_", "__", "-", "--", ".")}
    others |= {env_name} - {""}
    readable = label_value(identifier).rpartition(".")[0]
    for name in names:
        is_of_another_hash = bool(readable) and looks_hashed(name) and name.rpartition(".")[0] == readable
        has_ending = name.startswith(identifier) and name[len(identifier) :].lower() in _ENDINGS
        is_meant = name in others or name.strip() == identifier or is_of_another_hash or has_ending
        if is_meant and not name.endswith(MANIFEST_SUFFIXES):  # a manifest is reported if it is none
            yield folder.path(kind, name)
    parts = identifier.split("/")
    is_below = len(parts) > 1 and all(parts) and not any(part.startswith(".") for part in parts)
    is_hidden = identifier.startswith(".") and is_data_key(identifier)
    paths = [folder.path(kind, *parts)] if is_below or is_hidden else []
    if is_data_key(identifier):
        paths.append(folder.path(kind, kind, identifier))
    for path in paths:
        if "\0" not in path and os.path.lexists(path):
            yield path
