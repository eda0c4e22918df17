"""What a classifier loses without a label's top features, beside matched and random ones: one row per label.

Features are chosen on one half of the posts and taken out of the other. As published, random features are the control;
beside them stand others that fire as often and carry as much (:mod:`control_features`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from scipy.special import log_softmax

from emotion_utils.classification.classifier import BATCH, TextClassifier
from emotion_utils.core.errors import UserError
from emotion_utils.dictionaries.dictionary import Dictionary
from emotion_utils.features.control_features import KINDS, Chosen, choose
from emotion_utils.features.knockout import DROPPED, knocked_out_logits
from emotion_utils.features.over_labels import label_means, paired_labels
from emotion_utils.features.reading import text_activations
from emotion_utils.siblings.circuit import Posts
from emotion_utils.siblings.study import halves
from emotion_utils.statistics.resampling import ENDS

POINTS = 100
"""Recall and accuracy are given in points of 100."""
OTHERS = 100
"""Posts of other labels that are run for each."""
MEASURES = ("drop", "matched", "random", "effect", "others_drop", "nats", "nats_effect")
"""Columns that are averaged over labels."""
COLUMNS = [
    *["label", "posts", "features", "before", "after", "drop"],
    *["matched", "matched_low", "matched_high", "random", "random_low", "random_high", "effect"],
    *["others", "others_before", "others_drop", "others_matched", "others_random"],
    *["nats", "nats_matched", "nats_effect", "reconstructed", "reconstructed_after"],
    *["rate_ratio", "energy_ratio"],
]


def knockouts(
    classifier: TextClassifier,
    dictionary: Dictionary,
    layer: int,
    posts: Posts,
    *,
    matched: int = 9,
    random: int = 9,
    others: int = OTHERS,
    top: int = 20,
    seed: int = 0,
    batch: int = BATCH,
) -> pd.DataFrame:
    """Choose the top features of every label on half of the posts, and take them out of the other half.

    Parameters
    ----------
    classifier
    dictionary
        Of its states after ``layer``.
    layer
        Counted from 0.
    posts
        With labels; the classifier was not trained on them, nor the dictionary, or it knows them better.
    matched, random, top
        As :func:`emotion_utils.features.control_features.choose` takes them.
    others
        Posts of other labels that are run for each.
    seed, batch

    Returns
    -------
    As :func:`knockout_table`.

    Raises
    ------
    UserError
        For a label with fewer than two posts in either half, and what ``choose`` refuses.
    """
    n_labels = len(classifier.labels)
    choosing, testing = in_halves(posts)
    if (few := np.bincount(testing.label, minlength=n_labels)).min() < 2:
        raise UserError(
            f"The label {classifier.labels[int(few.argmin())]!r} has {int(few.min())} posts to test on: give four or "
            "more of each."
        )
    read = text_activations(classifier.model, {layer: dictionary}, choosing.ids, KINDS, batch=batch)[layer]
    options = {"top": top, "matched": matched, "random": random}
    chosen = choose(dictionary, read, choosing.label, n_labels, **options, seed=seed)
    return knockout_table(
        classifier, dictionary, layer, testing, chosen, others=others, seed=seed, batch=batch
    )


def in_halves(posts: Posts) -> tuple[Posts, Posts]:
    """Posts that choose features, and posts that test: every other one of each label."""
    choosing = halves(posts.label)
    first, second = (
        Posts([posts.ids[i] for i in np.flatnonzero(part).tolist()], posts.label[part])
        for part in (choosing, ~choosing)
    )
    return first, second


def knockout_table(
    classifier: TextClassifier,
    dictionary: Dictionary,
    layer: int,
    posts: Posts,
    chosen: Sequence[Chosen],
    *,
    others: int = OTHERS,
    seed: int = 0,
    batch: int = BATCH,
) -> pd.DataFrame:
    """Take each label's features out of its posts, and of a sample of others.

    Parameters
    ----------
    classifier, dictionary, layer
    posts
        That nothing was chosen on.
    chosen
        Of each label.
    others
        Posts of all labels, the same ones for every label, of which those of other labels are run.
    seed, batch

    Returns
    -------
    One row per label, columns :data:`COLUMNS`. In points: ``before, after`` (recall), ``drop`` (before minus after),
    ``matched, random`` (mean drop under controls, with the middle 95 % of their draws), ``effect`` (drop minus that
    under matched controls), ``others_*`` (accuracy on other labels' posts), ``reconstructed`` (recall with the state
    replaced by its reconstruction), ``reconstructed_after`` (without the features too). ``nats*``: by how
    much the log-probability of the label falls. ``rate_ratio, energy_ratio``: of the matched controls to the top
    features, on the posts that chose.
    """
    sample = np.random.default_rng(seed).permutation(len(posts.label))[:others]
    rows = []
    for own in chosen:
        mine = np.flatnonzero(posts.label == own.label)
        texts = np.concatenate([mine, np.sort(sample[posts.label[sample] != own.label])])
        ids, label = [posts.ids[i] for i in texts], posts.label[texts]
        nothing = np.zeros(0, dtype=np.int64)
        sets = [nothing, own.top, *own.matched, *own.random]
        logits = knocked_out_logits(classifier, dictionary, layer, ids, sets, batch=batch)
        dropped = knocked_out_logits(
            classifier, dictionary, layer, ids, [nothing, own.top], way=DROPPED, batch=batch
        )
        about = _row(own, _right(logits, label), _told(logits, label), _right(dropped, label), len(mine))
        rows.append({"label": classifier.labels[own.label], **about})
    return pd.DataFrame(rows, columns=COLUMNS)


def _right(
    logits: Float[np.ndarray, "set text label"], label: Int[np.ndarray, " text"]
) -> Bool[np.ndarray, "set text"]:
    found: np.ndarray = logits.argmax(axis=2) == label
    return found


def _told(
    logits: Float[np.ndarray, "set text label"], label: Int[np.ndarray, " text"]
) -> Float[np.ndarray, "set text"]:
    """Log-probability of the true label, in nats."""
    found: np.ndarray = log_softmax(logits.astype(np.float64), axis=2)[:, np.arange(len(label)), label]
    return found


def _row(own: Chosen, right: np.ndarray, told: np.ndarray, dropped: np.ndarray, n: int) -> dict[str, float]:
    """Columns of one label; the first ``n`` texts are its own, and sets are: none, top, matched, random."""
    recall, accuracy = POINTS * right[:, :n].mean(axis=1), _mean(POINTS * right[:, n:])
    nats, m = told[:, :n].mean(axis=1), 2 + len(own.matched)
    drop, loss = recall[0] - recall, nats[0] - nats
    others = accuracy[0] - accuracy
    row: dict[str, float] = {"posts": n, "features": len(own.top)}
    row |= {"before": recall[0], "after": recall[1], "drop": drop[1]}
    row |= _draws("matched", drop[2:m]) | _draws("random", drop[m:])
    row |= {"effect": row["drop"] - row["matched"], "others": right.shape[1] - n}
    row |= {"others_before": accuracy[0], "others_drop": others[1]}
    row |= {"others_matched": float(_mean(others[2:m])), "others_random": float(_mean(others[m:]))}
    row |= {"nats": loss[1], "nats_matched": float(_mean(loss[2:m]))}
    row |= {"nats_effect": row["nats"] - row["nats_matched"]}
    kept = POINTS * dropped[:, :n].mean(axis=1)
    row |= {"reconstructed": kept[0], "reconstructed_after": kept[1]}
    return row | {"rate_ratio": own.ratio(own.rate), "energy_ratio": own.ratio(own.energy)}


def _mean(values: np.ndarray) -> np.ndarray:
    """Over the last axis; NaN where it is empty."""
    return np.asarray(values.mean(axis=-1) if values.shape[-1] else np.full(values.shape[:-1], np.nan))


def _draws(name: str, drops: Float[np.ndarray, " draw"]) -> dict[str, float]:
    ends = np.quantile(drops, ENDS) if len(drops) else (np.nan, np.nan)
    return {name: float(_mean(drops)), f"{name}_low": float(ends[0]), f"{name}_high": float(ends[1])}


def knockout_means(table: pd.DataFrame, seed: int = 0, *, least: float = 0.0) -> pd.DataFrame:
    """Means over labels of :data:`MEASURES`; see :func:`emotion_utils.features.over_labels.label_means`.

    Parameters
    ----------
    table
        From :func:`knockout_table`.
    seed
    least
        Recall in points below which a label is left out: one that the classifier never finds has nothing to lose.
    """
    own = _found(table, least)
    return label_means({name: own[name].to_numpy(dtype=np.float64) for name in MEASURES}, seed)


def _found(table: pd.DataFrame, least: float) -> pd.DataFrame:
    """Measures of labels whose recall is at least so high; NaN of the others."""
    kept = table["before"] >= least
    return table.assign(**{name: table[name].where(kept) for name in MEASURES})


def between_siblings(
    tables: Mapping[str, pd.DataFrame], seed: int = 0, *, least: float = 0.0
) -> pd.DataFrame:
    """The first of two siblings minus the second, over labels.

    Parameters
    ----------
    tables
        From :func:`knockout_table`, by sibling; the first two count.
    seed
    least
        As in :func:`knockout_means`, of both siblings.

    Returns
    -------
    As :func:`emotion_utils.features.over_labels.paired_labels`, with ``first`` and ``second`` before it.
    """
    (one, first), (other, second) = list(tables.items())[:2]
    found = paired_labels(_found(first, least), _found(second, least), ["before", *MEASURES], seed)
    found.insert(0, "first", one)
    found.insert(1, "second", other)
    return found
