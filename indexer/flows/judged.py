"""Movements with the owner's word applied, as far as it still fits what the chain says.

A decision names a movement as `<chain>:<tx>` with `#n` behind it, and keeps what left and came in it. When the
facts change so that the movement is another one (a reorg, a link that is decided otherwise), the decision waits:
it is not applied to something its maker never saw, and it holds again when the movement is back.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from indexer.model.asset import Asset
from indexer.model.facts import Transfer
from indexer.model.judgment import Judgment, JudgmentKind, standing
from indexer.model.links import CrossChainLink
from indexer.model.movement import Leg, Movement, MovementKind
from indexer.tax.changeover import SUBJECT as CHANGE_OVER
from indexer.tax.movements import Ownership, classify

ABOUT_MOVEMENTS = frozenset({JudgmentKind.MOVEMENT, JudgmentKind.BASIS, JudgmentKind.LOT_ALLOCATION})
"""Kinds whose subject is one movement, but for the allocation at a change of scope, which is about all lots."""


def is_about_movement(judgment: Judgment) -> bool:
    """Whether a judgment's subject is a movement."""
    return judgment.kind in ABOUT_MOVEMENTS and judgment.subject != CHANGE_OVER


@dataclass(frozen=True, slots=True)
class Facts:
    """What movements are made of."""

    transfers: Sequence[Transfer]
    own: Ownership
    assets: Mapping[str, Asset]
    links: Sequence[CrossChainLink]


@dataclass(frozen=True, slots=True)
class Judged:
    """Movements in order of time, what each was taken for before, and the decisions that shaped it."""

    movements: tuple[Movement, ...]
    proposed: Mapping[str, MovementKind]
    """By movement id, for those that a decision is about."""
    decisions: Mapping[str, tuple[str, ...]]
    """Ids of the judgments by movement id."""
    waiting: tuple[str, ...]
    """Ids of standing judgments whose movement is not there as they saw it."""


def judge(facts: Facts, judgments: Sequence[Judgment]) -> Judged:
    """Classify, then apply the decisions that fit."""
    stand = standing(judgments)
    about = [judgment for judgment in stand if is_about_movement(judgment)]
    others = [judgment for judgment in stand if not is_about_movement(judgment)]
    plain = classify(facts.transfers, facts.own, facts.assets, facts.links, others)
    by_id = {movement.id: movement for movement in plain}
    fitting = [judgment for judgment in about if _fits(judgment, by_id.get(judgment.subject))]
    decisions: dict[str, dict[JudgmentKind, str]] = {}
    for judgment in fitting:
        decisions.setdefault(judgment.subject, {})[judgment.kind] = judgment.id
    applied = {judgment.id for judgment in fitting}
    return Judged(
        movements=_reclassified(facts, [*others, *fitting], plain, decisions),
        proposed={subject: by_id[subject].kind for subject in decisions},
        decisions={subject: tuple(ids.values()) for subject, ids in decisions.items()},
        waiting=tuple(judgment.id for judgment in about if judgment.id not in applied),
    )


def _reclassified(
    facts: Facts, judgments: Sequence[Judgment], plain: Sequence[Movement], decided: Collection[str]
) -> tuple[Movement, ...]:
    """The transactions of the decided movements once more; a transaction is classified by itself."""
    if not decided:
        return tuple(plain)
    touched = {subject.partition("#")[0] for subject in decided}
    again = [transfer for transfer in facts.transfers if f"{transfer.chain}:{transfer.tx}" in touched]
    changed = {
        movement.id: movement for movement in classify(again, facts.own, facts.assets, facts.links, judgments)
    }
    return tuple(changed.get(movement.id, movement) for movement in plain)


def seen(movement: Movement) -> dict[str, list[list[str]]]:
    """What left and came, to be kept with a decision: asset, address and quantity of each leg."""
    return {"out": _legs(movement.out), "into": _legs(movement.into)}


def _legs(legs: Sequence[Leg]) -> list[list[str]]:
    return [[leg.asset, leg.address or leg.wallet, str(leg.quantity)] for leg in legs]


def _fits(judgment: Judgment, movement: Movement | None) -> bool:
    return movement is not None and judgment.payload.get("seen") in (None, seen(movement))
