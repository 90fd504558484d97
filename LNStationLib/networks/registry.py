"""Networks by name. A name and its arguments are all that a model package may ask for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from LNStationLib.support.sentences import quoted

if TYPE_CHECKING:
    from torch import nn


_IN_CHANNELS, _CHANNELS = "in_channels", "channels"
"""Arguments of networks that say how many channels the input has, and what they are called."""


@dataclass(frozen=True)
class NetworkInfo:
    """A registered network.

    Attributes:
        name: Name in settings and model packages.
        title: One line for lists.
        reference: Paper.
        target: ``module:class``, imported when built, so that listing needs no torch.
        fixed: Arguments that belong to the name and cannot be given.
        needs_groups: The forward pass needs whole numbers beside every sample: the station's group, the station, or
            what else its class says.
        older_defaults: What arguments meant where a model package of an older version does not name them.
    """

    name: str
    title: str
    reference: str
    target: str
    fixed: Mapping[str, Any] = field(default_factory=dict)
    needs_groups: bool = False
    older_defaults: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Its room, such as ``"classification"`` or ``"segmentation"``."""
        return self.target.partition(":")[0].removeprefix(f"{__package__}.").partition(".")[0]

    def builder(self) -> Callable[..., nn.Module]:
        """Import and return the class."""
        module, _, attribute = self.target.partition(":")
        builder: Callable[..., nn.Module] = getattr(import_module(module), attribute)
        return builder


_LI = "Li et al. 2025 (SA-MoE)"
"""The paper whose tables compare these networks."""
_CLASSIFICATION = "LNStationLib.networks.classification"
_SEGMENTATION = "LNStationLib.networks.segmentation"
_STAGING = "LNStationLib.networks.staging"
_COMPARISONS = f"{_CLASSIFICATION}.comparisons"
_MOBILEVIT = f"{_CLASSIFICATION}.mobilevitv2:MobileViTv2"
_NODES = "LNStationLib.networks.node_classification"
_ZHU = "Zhu et al. 2020 (OSLN)"
_CANDIDATES = "LNStationLib.networks.candidate_classification"
_PGLS = "Li et al. 2024 (PGLS)"
_PET_CT = "Engelson et al. 2026 (PET/CT)"
_OLDER_WIDTH: Mapping[str, Any] = {"width": 1.97}
"""When the paper's "Params" were taken for millions, not MiB."""
_OLDER_VIT: Mapping[str, Any] = {"patch": (4, 8, 8), "hidden": 192, "mlp": 768, "layers": 12, "heads": 3}
_NETWORKS = (
    NetworkInfo(
        "mobilevitv2",
        "3D MobileViTv2",
        f"Mehta and Rastegari 2023; {_LI}, Table 1",
        _MOBILEVIT,
        {"experts": "none"},
        older_defaults=_OLDER_WIDTH,
    ),
    NetworkInfo(
        "mobilevitv2_sa_moe",
        "3D MobileViTv2 with station-aware experts",
        f"{_LI}, Sec. 2.2",
        _MOBILEVIT,
        {"experts": "station_aware"},
        older_defaults=_OLDER_WIDTH,
    ),
    NetworkInfo(
        "mobilevitv2_vmoe",
        "3D MobileViTv2 with V-MoE's experts",
        f"Riquelme et al. 2021; {_LI}, Table 1",
        _MOBILEVIT,
        {"experts": "vmoe"},
        older_defaults=_OLDER_WIDTH,
    ),
    NetworkInfo(
        "mobilevitv2_m4oe",
        "3D MobileViTv2 with M4oE's experts",
        f"Jiang and Shen 2024; {_LI}, Table 1",
        _MOBILEVIT,
        {"experts": "m4oe"},
        older_defaults=_OLDER_WIDTH,
    ),
    NetworkInfo(
        "mobilevitv2_multi_branch",
        "3D MobileViTv2 with a last stage for each station group",
        f"Zhu et al. 2020; {_LI}, Table 2",
        f"{_CLASSIFICATION}.multi_branch:MultiBranchMobileViTv2",
        needs_groups=True,
        older_defaults=_OLDER_WIDTH,
    ),
    NetworkInfo(
        "resnet18",
        "3D ResNet-18",
        f"He et al. 2016; {_LI}, Table 1",
        f"{_COMPARISONS}:ResNetClassifier",
        {"depth": 18},
    ),
    NetworkInfo(
        "resnet50",
        "3D ResNet-50",
        f"He et al. 2016; {_LI}, Table 1",
        f"{_COMPARISONS}:ResNetClassifier",
        {"depth": 50},
    ),
    NetworkInfo(
        "mobilenetv2",
        "3D MobileNetV2",
        f"Sandler et al. 2018; {_LI}, Table 1",
        f"{_COMPARISONS}:MobileNetV2",
    ),
    NetworkInfo(
        "vit_t",
        "3D ViT",
        f"Dosovitskiy et al. 2021; {_LI}, Table 1",
        f"{_COMPARISONS}:ViTClassifier",
        older_defaults=_OLDER_VIT,
    ),
    NetworkInfo(
        "node_slices",
        "2.5D streams with multi-scale fusion, for nodes",
        f"{_PGLS}, Sec. 2.1; backbones: Howard et al. 2019, He et al. 2016, Mehta and Rastegari 2023",
        f"{_NODES}.slices:SliceNetwork",
    ),
    NetworkInfo(
        "node_volumes",
        "3D networks of one stream, for nodes",
        f"{_PGLS}, Table 1; backbones: Howard et al. 2019, He et al. 2016, Mehta and Rastegari 2023",
        f"{_NODES}.volumes:VolumeNetwork",
    ),
    NetworkInfo(
        "node_dualnet", "3D DualNet, for nodes", f"Kann et al. 2018; {_PGLS}, Table 1", f"{_NODES}.volumes:DualNet"
    ),
    NetworkInfo(
        "station_cnn",
        "3D CNN told its station, for PET/CT",
        f"{_PET_CT}, Sec. 3",
        f"{_STAGING}.station_cnn:StationCnn",
        needs_groups=True,
    ),
    NetworkInfo(
        "station_stager",
        "3D CNN of all stations with two layers for the N category, for PET/CT",
        f"{_PET_CT}, Sec. 3",
        f"{_STAGING}.station_stager:StationStager",
        needs_groups=True,
    ),
    NetworkInfo(
        "glnet",
        "Global-local network, for node candidates",
        f"{_ZHU}, Sec. 3.2",
        f"{_CANDIDATES}.glnet:GlNet",
    ),
    NetworkInfo(
        "random_views",
        "2.5D network of random views, for node candidates",
        f"Roth et al. 2014; {_ZHU}, Table 2",
        f"{_CANDIDATES}.random_views:RandomViews",
    ),
    NetworkInfo(
        "swin_t",
        "3D Swin-T",
        f"Liu et al. 2021; {_LI}, Table 1",
        f"{_COMPARISONS}:SwinClassifier",
        older_defaults={"merging": "volume"},
    ),
    NetworkInfo("dynunet", "3D U-Net of nnU-Net", "Isensee et al. 2021", f"{_SEGMENTATION}.dynunet:DynUnet"),
    NetworkInfo(
        "light_decoder",
        "3D U-Net with a light decoding path (as PHNN)",
        "Harrison et al. 2017; Guo et al. 2021 (DeepStationing), Sec. 3",
        f"{_SEGMENTATION}.comparisons:LightDecoder",
    ),
    NetworkInfo(
        "slice_unet",
        "2D U-Net of nnU-Net, slice by slice",
        "Isensee et al. 2021; Guo et al. 2021 (DeepStationing), Sec. 3",
        f"{_SEGMENTATION}.comparisons:SliceUnet",
    ),
    NetworkInfo(
        "se_unet",
        "3D U-Net with squeeze and excitation",
        f"Hu et al. 2018; {_ZHU}, Table 1a",
        f"{_SEGMENTATION}.osln_backbones:SqueezedUnet",
    ),
    NetworkInfo(
        "psnn",
        "3D progressive semantically nested network",
        f"Jin et al. 2019; {_ZHU}, Table 1a",
        f"{_SEGMENTATION}.osln_backbones:Psnn",
    ),
    NetworkInfo("hrnet", "3D HRNet", f"Wang et al. 2020; {_ZHU}, Table 1a", f"{_SEGMENTATION}.osln_backbones:HrNet"),
)
NETWORKS: dict[str, NetworkInfo] = {info.name: info for info in _NETWORKS}
"""All registered networks by name."""


def network_info(name: str) -> NetworkInfo:
    """Look a network up.

    Raises:
        ValueError: The name is not registered; the message lists those that are.
    """
    try:
        return NETWORKS[name]
    except KeyError:
        raise ValueError(f"unknown network '{quoted(name)}'; known: {', '.join(NETWORKS)}") from None


def build_network(
    name: str, arguments: Mapping[str, Any] | None = None, channels: Sequence[str] | None = None
) -> nn.Module:
    """Build a registered network with fresh weights.

    Args:
        name: Its name.
        arguments: Further arguments of its class; lists stand for tuples, as JSON has it.
        channels: Names of the input's channels, in order; ``None`` for those that the class has by default. A class
            is told their number, and their names where it asks for ``channels``.

    Raises:
        ValueError: Unknown name, unknown argument, one that belongs to the name or to the channels, or an impossible
            value.
    """
    info = network_info(name)
    builder, given = info.builder(), dict(arguments or {})
    parameters = inspect.signature(builder).parameters
    open_arguments = [key for key in parameters if key not in info.fixed and key != _CHANNELS]
    unknown = sorted(set(given) - set(open_arguments))
    if unknown:
        raise ValueError(
            f"network {name!r} takes no argument {quoted(', '.join(unknown))}; it takes {', '.join(open_arguments)}"
        )
    if channels is not None:
        told = _channel_arguments(given, channels)
        given |= {key: value for key, value in told.items() if key in parameters}
    return builder(**info.fixed, **given)


def packed_arguments(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments for a model package: also those whose default has changed, so that a later change alters nothing."""
    info = network_info(name)
    parameters = inspect.signature(info.builder()).parameters
    return {key: parameters[key].default for key in info.older_defaults} | dict(arguments)


def unpacked_arguments(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments that a model package means: what an older one does not name is as it was then."""
    return dict(network_info(name).older_defaults) | dict(arguments)


def _channel_arguments(given: Mapping[str, Any], channels: Sequence[str]) -> dict[str, Any]:
    """What a class may be told of its input; a number of channels that contradicts their names is refused."""
    wanted = given.get(_IN_CHANNELS, len(channels))
    if wanted != len(channels):
        raise ValueError(
            f"the network has {wanted} input channels, and {len(channels)} are named: {', '.join(channels)}"
        )
    return {_IN_CHANNELS: len(channels), _CHANNELS: tuple(channels)}
