"""What a network says of the N category, as warnings, as a line, and as the model of the step."""

from __future__ import annotations

from LNStationLib.state.assessment import NetworkStage, NStaging
from LNStationLib.state.reason_codes import recorded, warnings_of
from LNStationLib.state.used_model import UsedModel
from LNStationLib.support.language import decimal, say
from LNStationLib.support.reason import Reason
from LNStationLib.support.sentences import listed


def with_network_warnings(staging: NStaging) -> NStaging:
    """The staging with warnings of what a network contradicts, why it was not asked, and what it learned from."""
    network = staging.network
    coded = [] if staging.network_refusal is None else [staging.network_refusal]
    coded += [] if network is None else network.contradictions
    more = [Reason(each.code, each.facts) for each in coded]
    if network is not None and network.trained_on == "synthetic":
        more.append(Reason("n_category_of_synthetic_model", {"package": network.model_package}))
    return staging.model_copy(update=recorded([*warnings_of(staging), *more])) if more else staging


def network_line(network: NetworkStage) -> str:
    """The network's category with its probabilities, and the stations that carry it, for a list of facts."""
    shares = ", ".join(decimal(f"{name} {value:.2f}") for name, value in network.probabilities.items())
    named = {"category": network.category, "shares": shares, "of_stations": network.category_of_its_stations}
    if not network.carrying_stations:
        return say("{category} ({shares}); its own stations give {of_stations}", **named)
    text = "{category} ({shares}); carried by {stations}; its own stations give {of_stations}"
    return say(text, stations=listed(network.carrying_stations), **named)


def staging_model(network: NetworkStage) -> UsedModel:
    """As the provenance names it."""
    return UsedModel(
        network.model_package,
        network.model_version,
        network.model_sha256,
        network.trained_on,
        ran_on=network.ran_on,
    )
