"""A network's N category beside that of the rules (Engelson et al. 2026, training strategies 2 and 3).

The rules decide, because they can be checked; the network's category stands beside theirs with the stations that
carry it, and where the two differ, or the network contradicts its own stations, the reader is told.
"""

from __future__ import annotations

from typing import cast

from LNStationLib.models.package import NStagingSection
from LNStationLib.models.package.folders import find_package
from LNStationLib.models.package.n_staging import STAGES
from LNStationLib.models.runtime.options import device_option, engine_option
from LNStationLib.sampling.station_patch import pet_ct_volume
from LNStationLib.staging.lung import lung_n_category
from LNStationLib.staging.lung_method import LungOptions, LungStaging
from LNStationLib.staging.method import StagingInput
from LNStationLib.staging.patient_network import PatientNetwork, StageAnswer, warm_patient_network
from LNStationLib.staging.rules import Rules
from LNStationLib.state.assessment import NetworkStage, NStaging, ReasonCode
from LNStationLib.state.method import MethodOptions, option
from LNStationLib.state.needs import LUNG_CANCER, Need
from LNStationLib.support.types import Engine, Side

_REFERENCE = "Engelson et al. 2026, doi:10.1117/1.JMI.13.1.014507 (N category by a network)"
_DECIMALS = 4
"""Of probabilities: batches of another size differ in the seventh."""


class NetworkStagingOptions(LungOptions):
    """The rules beside which the network stands, its model package, and how it runs."""

    model: str | None = option(
        None,
        "Model package that stages on PET/CT: its file, folder or id; by default the shipped one.",
        title="Model",
        flag="--n-staging-model",
        selects=True,
    )
    device: str = device_option()
    engine: Engine = engine_option()


class NetworkStaging:
    """The rules' N category, and beside it that of the network of a model package."""

    name = "network"
    title = "Lung cancer, with a network beside the rules (model package)"
    options: type[MethodOptions] = NetworkStagingOptions
    needs: tuple[Need, ...] = (LUNG_CANCER,)
    references: tuple[str, ...] = (*LungStaging.references, _REFERENCE)
    package_task: str | None = NStagingSection.task

    def check(self, options: MethodOptions) -> None:
        """Load the network, or reuse a warm one."""
        _network(cast(NetworkStagingOptions, options))

    def rules(self, options: MethodOptions) -> str:
        """Name of the rule set."""
        return LungStaging().rules(options)

    def rule_references(self, options: MethodOptions) -> tuple[str, ...]:
        """Edition and source of the rule set, and the network's paper."""
        return (*LungStaging().rule_references(options), _REFERENCE)

    def run(self, given: StagingInput, options: MethodOptions) -> NStaging:
        """Stage a patient; see :class:`LNStationLib.staging.method.StagingMethod`."""
        chosen = cast(NetworkStagingOptions, options)
        by_rules = LungStaging().run(given, options)
        found = _asked(given, chosen)
        if isinstance(found, str):
            refusal = ReasonCode(code="network_not_asked", facts={"why": found})
            return by_rules.model_copy(update={"network_refusal": refusal})
        network, answer, side = found
        told = _told(network, answer, side, chosen.rules, by_rules.category)
        return by_rules.model_copy(update={"network": told})


def _network(options: NetworkStagingOptions) -> PatientNetwork:
    path = find_package(options.model, NStagingSection.task)
    return warm_patient_network(path, options.device, options.engine)


def _asked(given: StagingInput, options: NetworkStagingOptions) -> tuple[PatientNetwork, StageAnswer, Side] | str:
    """The network with its answer, or why it was not asked."""
    if given.patient is None:
        return "calls_alone"
    case, side = given.patient.case, given.facts.tumor_side
    if case.pet is None:
        return "no_pet"
    if side is None:
        return "no_side"
    network = _network(options)
    if not network.section.takes(case.pet_tracer):
        return "other_tracer"
    volume = pet_ct_volume(case.ct, case.pet, given.patient.stations, network.section.patch)
    if volume is None or not network.seen(volume):
        return "pet_covers_no_station"
    return network, network.stage(volume, side), side


def _told(
    network: PatientNetwork, answer: StageAnswer, side: Side, rules: Rules, by_rules: str | None
) -> NetworkStage:
    """As the assessment says it. The rules are the report's, so that N2a and N2 are one."""
    card, category = network.manifest, STAGES[answer.stage]
    of_stations = lung_n_category(answer.positive, side, rules).category
    return NetworkStage(
        category=category,
        probabilities={
            name: round(value, _DECIMALS) for name, value in zip(STAGES, answer.probabilities, strict=True)
        },
        stations={name: round(value, _DECIMALS) for name, value in answer.stations.items()},
        carrying_stations=list(answer.carried),
        category_of_its_stations=of_stations,
        contradictions=_contradictions(answer, of_stations, by_rules),
        model_package=card.package_id,
        model_version=card.version,
        model_sha256=card.sha256,
        trained_on=card.trained_on,
        ran_on=network.device,
    )


def _contradictions(answer: StageAnswer, of_stations: str, by_rules: str | None) -> list[ReasonCode]:
    """Where the network and the rules differ, and where it contradicts the stations that it calls itself."""
    category, found = STAGES[answer.stage], list[ReasonCode]()
    if by_rules is not None and _step(by_rules) != answer.stage:
        facts = {
            "network": category,
            "probability": answer.probabilities[answer.stage],
            "rules": by_rules,
            "carrying": list(answer.carried),
        }
        found.append(ReasonCode(code="network_stages_otherwise", facts=facts))
    if _step(of_stations) != answer.stage:
        facts = {"network": category, "of_stations": of_stations, "positive": list(answer.positive)}
        found.append(ReasonCode(code="network_contradicts_its_stations", facts=facts))
    return found


def _step(category: str) -> int:
    """0 to 3; N2a and N2b are 2."""
    return int(category[1])
