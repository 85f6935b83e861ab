"""Keys that are spelt like those of Airflow's labels. No query by label finds a Secret by such a key."""

from __future__ import annotations

import re
from functools import lru_cache

from airflow_kubernetes_secrets.formats.annotations import is_known_annotation
from airflow_kubernetes_secrets.kubernetes.labels import ANNOTATION_PREFIX, BUNDLE
from airflow_kubernetes_secrets.lookup.kinds import labels_of_ids
from airflow_kubernetes_secrets.messages.suggestions import nearest
from airflow_kubernetes_secrets.options.backend_kwargs import Options

# The similarity, from 0 to 1, that each of the two parts of a key needs. Keys of other tools are not that similar, such
# as those with the prefix ``kafka.apache.org``, or ``connection-owner`` for ``connection``.
_PREFIX_CUTOFF, _NAME_CUTOFF = 0.75, 0.86


def known_labels(options: Options) -> tuple[str, ...]:
    """Return the keys of all labels that these options use."""
    return tuple(filter(None, (*labels_of_ids(options), options.team_label, BUNDLE)))


def is_airflows(key: str, known: tuple[str, ...]) -> bool:
    """Return whether a key is one of Airflow's labels or annotations, or was probably meant to be one.

    Args:
        known: the labels, from :func:`known_labels`.
    """
    return key in known or key.startswith(ANNOTATION_PREFIX) or meant_label(key, known) != ""


@lru_cache(maxsize=1024)
def meant_label(key: str, known: tuple[str, ...]) -> str:
    """Return the label that was probably meant by a misspelt key; empty if the key is right, or is similar to none.

    The words of the prefix can be in another order, as in ``apache.airflow.org/connection-id``. Case does not matter,
    and neither does the character between two words, as in ``airflow.apache.org/Connection_ID``.
    """
    if key in known or is_known_annotation(key):
        return ""
    prefix, _slash, name = key.rpartition("/")
    labels = {folded_name(each): each for each in known if _is_near(prefix, each.rpartition("/")[0])}
    similar = nearest(folded_name(name), tuple(labels), _NAME_CUTOFF) if labels else ""
    return labels[similar] if similar else ""


def folded_name(key: str) -> str:
    """Return the name in a key, without its prefix, in lower case and with ``-`` between its words."""
    return re.sub("[^a-z0-9]+", "-", key.rpartition("/")[2].lower())


def _is_near(prefix: str, known: str) -> bool:
    if not prefix or not known:
        return prefix == known
    words, known_words = _words(prefix), _words(known)
    if sorted(words) == sorted(known_words):
        return True
    has_first_word = nearest(known_words[0], tuple(words), _PREFIX_CUTOFF) != ""
    return has_first_word and nearest(prefix.lower(), (known,), _PREFIX_CUTOFF) != ""


def _words(prefix: str) -> list[str]:
    return re.findall("[a-z0-9]+", prefix.lower())
