"""What a bag of words already knows: the baseline that every claim about a model's insides has to beat."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfTransformer
from tqdm import tqdm

from emotion_utils.core.emotions import REFERENCE, labels_of
from emotion_utils.prompts.bag_of_words import across, classifier, count_words, log_odds, predict, within
from emotion_utils.statistics.auc import auroc, grouped_auc_interval
from emotion_utils.statistics.nulls import against_null
from emotion_utils.statistics.permutations import LEVEL, family_blocks, permute_blocks
from emotion_utils.statistics.resampling import FEWEST_UNITS, grouped_mean_interval, resampling_units

HELD_OUT = "held-out folds"

ALMOST = 0.1
"""Difference in AUROC up to which one set is called almost as easy as another."""


def bag_of_words(
    train: pd.DataFrame,
    test: pd.DataFrame | None = None,
    *,
    n_permutations: int = 199,
    n_resamples: int = 1000,
    folds: int = 5,
    seed: int = 0,
    on_permutation: Callable[[], object] = lambda: None,
) -> pd.DataFrame:
    """Score a TF-IDF bag of words with multinomial logistic regression, beside its permutation null.

    Within one set the score is that of grouped folds: no template family, pair or text is in both parts. Across two
    sets, training rows that share one of these with the test set are left out. The null permutes labels between
    blocks of rows of one family and emotion and repeats everything: folds, training and testing.

    Parameters
    ----------
    train
        Prompts to train on, and to test on by folds if `test` is None.
    test
        Prompts to test on.
    n_permutations
        Of the labels; p is (1 + null at least as good) / (1 + n_permutations).
    n_resamples
        Of the groups, for the interval.
    folds
        At most; fewer where there are fewer groups.
    seed
        Of folds, null and bootstrap.
    on_permutation
        Called after each permutation, for a progress bar.

    Returns
    -------
    One row per metric (`accuracy`, and `AUROC <emotion>` against neutral or, where no prompt is neutral, against all
    other labels), columns `metric, value, low, high,
    chance, null, null_high, p, n, n_groups, note`; `null_high` is the 95th percentile of the null. With fewer than
    eight groups the values are NaN and `note` says so.
    """
    scored = train if test is None else test
    units = resampling_units(scored)
    few = _too_few(train, test)
    if few:
        return _unscored(scored, units, few)
    labels, truth = (prompts["emotion"].to_numpy(dtype=object) for prompts in (train, scored))
    names = labels_of(pd.concat([train, scored]))
    prepare = within(train, folds, seed) if test is None else across(train, test)
    rng, blocks = np.random.default_rng(seed), family_blocks(train)
    observed, null = predict(prepare(labels), labels, len(scored), names), []
    for _ in range(n_permutations):
        shuffled = permute_blocks(labels, blocks, rng)
        scores = predict(prepare(shuffled), shuffled, len(scored), names)
        null.append(_metrics(scores, shuffled if test is None else truth, names))
        on_permutation()
    return _summary(observed, truth, names, units, null, n_resamples, seed)


def folded_log_odds(prompts: pd.DataFrame, folds: int = 5, seed: int = 0) -> pd.DataFrame:
    """Log-odds by which a bag of words that was trained on other prompts of the same set judges each prompt.

    Parameters
    ----------
    prompts
        All of one set.
    folds, seed
        Grouped folds, as in :func:`bag_of_words`.

    Returns
    -------
    One row per prompt, by its id; one column per label, against neutral or, without a reference, against all others.
    """
    labels, names = prompts["emotion"].to_numpy(dtype=object), labels_of(prompts)
    scores = predict(within(prompts, folds, seed)(labels), labels, len(prompts), names)
    told = _contrasts(labels, names)
    return pd.DataFrame(
        {name: log_odds(scores, names, name) for name in told}, index=prompts["id"].to_numpy()
    )


def lexicality(
    sets: Mapping[str, pd.DataFrame],
    transfers: Mapping[str, tuple[str, str]] | None = None,
    *,
    n_permutations: int = 199,
    seed: int = 0,
) -> pd.DataFrame:
    """Run `bag_of_words` on every set, and from one set to another for each pair in `transfers`.

    Parameters
    ----------
    sets
        Prompts by name.
    transfers
        From a name for the comparison to (train, test) names of `sets`.

    Returns
    -------
    The rows of `bag_of_words`, with `train` and `test` in front.
    """
    jobs = [(name, name) for name in sets] + list((transfers or {}).values())
    parts = []
    with tqdm(
        total=len(jobs) * n_permutations, desc="label permutations", delay=2, leave=False, mininterval=2
    ) as bar:
        for train, test in jobs:
            other = None if train == test else sets[test]
            options = {"n_permutations": n_permutations, "seed": seed, "on_permutation": bar.update}
            rows = bag_of_words(sets[train], other, **options)
            rows.insert(0, "train", train)
            rows.insert(1, "test", HELD_OUT if other is None else test)
            parts.append(rows)
    return pd.concat(parts, ignore_index=True)


def telling_words(prompts: pd.DataFrame, top: int = 8) -> pd.DataFrame:
    """List the words with the largest weights for each emotion, trained on all prompts.

    Returns
    -------
    Columns `emotion, rank, word, weight`.
    """
    counts, words = count_words(prompts["text"])
    model = classifier().fit(TfidfTransformer(sublinear_tf=True).fit_transform(counts), prompts["emotion"])
    weights = model.coef_ if len(model.coef_) > 1 else np.vstack([-model.coef_, model.coef_])
    rows = [
        (emotion, rank, words[i], row[i])
        for emotion, row in zip(model.classes_, weights, strict=True)
        for rank, i in enumerate(np.argsort(-row, kind="stable")[:top], start=1)
    ]
    table = pd.DataFrame(rows, columns=["emotion", "rank", "word", "weight"])
    order = labels_of(prompts)
    return table.sort_values("emotion", key=lambda e: e.map(order.index), kind="stable", ignore_index=True)


def summarise_lexicality(table: pd.DataFrame, about: str, against: str = REFERENCE) -> str:
    """Say in Markdown what `lexicality` found: per comparison the accuracy beside its null and the largest class.

    Parameters
    ----------
    table
        From `lexicality`.
    about
        Name of the set that is compared with *implicit*, if that is there.
    against
        What each emotion is told from.
    """
    lines = []
    for row in table[table["metric"] == "accuracy"].itertuples():
        name = f"*{row.train}*, {row.test}" if row.test == HELD_OUT else f"*{row.train}* → *{row.test}*"
        if pd.isna(row.value):
            lines.append(f"- {name}: not scored, {row.note}.")
            continue
        verdict = "above" if row.p <= LEVEL else "not above"
        largest = beside_largest(float(row.low), float(row.high), float(row.chance))
        lines.append(
            f"- {name}: **{row.value:.0%}** ({row.low:.0%} to {row.high:.0%}) is {largest} always naming the largest "
            f"class, {row.chance:.0%}, and {verdict} its null, {row.null:.0%} on average (p = {row.p:.2g}, n = {row.n} "
            f"prompts in {row.n_groups} units)."
        )
    return "Words alone:\n\n" + "\n".join(lines) + "\n\n" + _summarise_aurocs(table, about, against)


def beside_largest(low: float, high: float, chance: float) -> str:
    """Where the interval of an accuracy lies beside that of always naming the largest class: a preposition."""
    return "better than" if low > chance else "worse than" if high < chance else "no better than"


def mean_auroc(table: pd.DataFrame, train: str, test: str = HELD_OUT) -> float | None:
    """Mean AUROC over the labels of one comparison of :func:`lexicality`; None where it was not scored."""
    rows = table[
        table["metric"].str.startswith("AUROC") & (table["train"] == train) & (table["test"] == test)
    ]
    values = rows["value"].dropna()
    return float(values.mean()) if len(values) else None


def _summarise_aurocs(table: pd.DataFrame, about: str, against: str) -> str:
    aurocs = table[table["metric"].str.startswith("AUROC")].dropna(subset="value")
    if aurocs.empty:
        return ""
    means = aurocs.groupby(["train", "test"], sort=False)["value"].mean().to_dict()
    listed = ", ".join(f"{value:.2f} ({train})" for (train, test), value in means.items() if test == HELD_OUT)
    text = (
        f"Told from {against}, one emotion at a time, the mean AUROC in held-out folds is "
        f"{listed}: **a probe on activations has to beat these numbers, not 0.5**."
    )
    own, implicit, moved = (
        means.get(key) for key in ((about, HELD_OUT), ("implicit", HELD_OUT), (about, "implicit"))
    )
    if own is not None and implicit is not None and moved is not None:
        verdict = "almost as easy as" if implicit > own - ALMOST else "harder than"
        text += (
            f" By its own words *implicit* is {verdict} *{about}* ({implicit:.2f} against {own:.2f}); a classifier "
            f"that has learned the words of *{about}* reaches {moved:.2f} there. The step from keyword to implicit "
            "prompts is therefore the fairer test: train on one, score on the other."
        )
    return text


def _too_few(train: pd.DataFrame, test: pd.DataFrame | None) -> str:
    for prompts in [train] if test is None else [train, test]:
        n_groups = len(set(resampling_units(prompts)))
        if n_groups < FEWEST_UNITS:
            return f"{n_groups} groups, at least {FEWEST_UNITS} are needed"
        counts = prompts["emotion"].value_counts()
        if len(counts) < 2:
            return "one emotion only, at least two are needed"
        if test is None and counts.max() < 2:
            return "one prompt of each emotion, at least two are needed"
    return ""


def _contrasts(truth: np.ndarray, names: Sequence[str]) -> list[str]:
    """The labels that can be told from what they stand against in these rows."""
    present = set(truth)
    if REFERENCE in names:
        return [name for name in names if name != REFERENCE and {name, REFERENCE} <= present]
    return [name for name in names if name in present] if len(present) > 1 else []


def _compared(truth: np.ndarray, names: Sequence[str], emotion: str) -> np.ndarray:
    """The rows of a label and of what it stands against: the reference, or all others where there is none."""
    return np.isin(truth, [emotion, REFERENCE]) if REFERENCE in names else np.ones(len(truth), dtype=bool)


def _correct(scores: np.ndarray, truth: np.ndarray, names: Sequence[str]) -> np.ndarray:
    return np.array(names, dtype=object)[scores.argmax(axis=1)] == truth


def _metrics(scores: np.ndarray, truth: np.ndarray, names: Sequence[str]) -> dict[str, float]:
    values = {"accuracy": float(_correct(scores, truth, names).mean())}
    for emotion in _contrasts(truth, names):
        rows = _compared(truth, names, emotion)
        values[f"AUROC {emotion}"] = auroc(log_odds(scores[rows], names, emotion), truth[rows] == emotion)
    return values


def _summary(
    scores: np.ndarray,
    truth: np.ndarray,
    names: Sequence[str],
    units: np.ndarray,
    null: list[dict[str, float]],
    n_resamples: int,
    seed: int,
) -> pd.DataFrame:
    rows = []
    for metric, value in _metrics(scores, truth, names).items():
        if metric == "accuracy":
            use = np.ones(len(truth), dtype=bool)
            right = _correct(scores, truth, names).astype(float)
            low, high = grouped_mean_interval(
                right, units, n_resamples=n_resamples, seed=seed, bounds=(0.0, 1.0)
            )
            chance = float(pd.Series(truth).value_counts(normalize=True).max())
        else:
            emotion = metric.removeprefix("AUROC ")
            use = _compared(truth, names, emotion)
            odds = log_odds(scores[use], names, emotion)
            positive = truth[use] == emotion
            low, high = grouped_auc_interval(odds, positive, units[use], n_resamples=n_resamples, seed=seed)
            chance = 0.5
        drawn = np.array([metrics[metric] for metrics in null if metric in metrics])
        value, *beside = against_null(value, drawn)
        rows.append((metric, value, low, high, chance, *beside, int(use.sum()), len(set(units[use])), ""))
    return pd.DataFrame(rows, columns=COLUMNS)


COLUMNS = ["metric", "value", "low", "high", "chance", "null", "null_high", "p", "n", "n_groups", "note"]


def _unscored(scored: pd.DataFrame, units: np.ndarray, note: str) -> pd.DataFrame:
    emotions = _contrasts(scored["emotion"].to_numpy(dtype=object), labels_of(scored))
    known = {"n": len(scored), "n_groups": len(set(units)), "note": note}
    rows = [{"metric": metric, **known} for metric in ("accuracy", *(f"AUROC {e}" for e in emotions))]
    return pd.DataFrame(rows).reindex(columns=COLUMNS)
