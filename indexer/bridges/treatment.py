"""Whether a cross-chain move is a possible taxable event by default, per jurisdiction, and why. Not advice.

What was read: US - transfers between one's own wallets are no disposal; the IRS has published no view on
wrapping or bridging (Notice 2024-57 only postpones broker reporting for it); practitioners split. UK - the test is whether
beneficial ownership passes; HMRC's summary of responses on DeFi (26 November 2025) does not name bridging.
Australia - the ATO's guidance of November 2023 and private ruling 1052041759482 treat wrapping and redeeming
wrapped tokens over a bridge as CGT events. Elsewhere no source was read: what is not plainly the owner's own same
asset is for review.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from indexer.model.links import ReasonCode, Treatment

_NO, _REVIEW, _YES = Treatment.NOT_TAXABLE, Treatment.REVIEW, Treatment.TAXABLE

_ANYWHERE: Mapping[ReasonCode, Treatment] = {
    ReasonCode.SAME_ASSET_CANONICAL: _NO,
    ReasonCode.SAME_ISSUER_BURN_MINT: _NO,
    ReasonCode.REFUND: _NO,
}

_BY_JURISDICTION: Mapping[str, Mapping[ReasonCode, Treatment]] = {
    "US": {ReasonCode.DIFFERENT_ASSET: _YES, ReasonCode.THIRD_PARTY_RECIPIENT: _YES},
    "UK": {ReasonCode.DIFFERENT_ASSET: _YES, ReasonCode.THIRD_PARTY_RECIPIENT: _YES},
    "AU": {
        ReasonCode.DIFFERENT_ASSET: _YES,
        ReasonCode.THIRD_PARTY_RECIPIENT: _YES,
        ReasonCode.WRAPPED_REPRESENTATION: _YES,
    },
}

_SEVERITY = {_NO: 0, _REVIEW: 1, _YES: 2}

_WHY: Mapping[ReasonCode, str] = {
    ReasonCode.SAME_ASSET_CANONICAL: "The chain's own bridge moved the same asset one to one to your own wallet.",
    ReasonCode.SAME_ISSUER_BURN_MINT: "The issuer burned its token on one chain and minted it on the other.",
    ReasonCode.LIQUIDITY_SAME_SYMBOL: "A pool or relayer took your tokens and paid out others of the same kind.",
    ReasonCode.WRAPPED_REPRESENTATION: "What arrived is a claim on what was locked: a wrapped token is another asset "
    "under a strict reading.",
    ReasonCode.DIFFERENT_ASSET: "What arrived is a different asset from what left.",
    ReasonCode.FEE_LOST: "Part of the bridged asset was kept as a fee; your profile says whether that is a disposal.",
    ReasonCode.THIRD_PARTY_RECIPIENT: "The recipient is none of your registered wallets: a gift, a payment, or a wallet "
    "you have not added yet.",
    ReasonCode.UNMATCHED_SOURCE: "No arrival was found; a loss is never booked by itself.",
    ReasonCode.UNMATCHED_DESTINATION: "No departure was found: the cost of what arrived is unknown.",
    ReasonCode.REFUND: "The deposit came back on its own chain.",
}


def treatment_of(reason: ReasonCode, jurisdiction: str) -> Treatment:
    """The default for one reason. `jurisdiction` is US, UK, CA, DE, AU, IE, FR or `-`; unread ones review."""
    if reason in _ANYWHERE:
        return _ANYWHERE[reason]
    return _BY_JURISDICTION.get(jurisdiction, {}).get(reason, _REVIEW)


def default_treatment(reasons: Sequence[ReasonCode], jurisdiction: str) -> Treatment:
    """The strictest default among a link's reasons; without a reason it is for review."""
    return _strictest(tuple(reasons), jurisdiction)


@lru_cache(maxsize=4_096)
def _strictest(reasons: tuple[ReasonCode, ...], jurisdiction: str) -> Treatment:
    if not reasons:
        return _REVIEW
    return max((treatment_of(reason, jurisdiction) for reason in reasons), key=_SEVERITY.__getitem__)


def why(reason: ReasonCode) -> str:
    """One sentence for the owner."""
    return _WHY[reason]
