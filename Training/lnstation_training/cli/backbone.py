"""The command that turns weights from elsewhere into a file that training starts from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lnstation_training.cli.show import say


def backbone(
    source: Annotated[Path, typer.Argument(help="Weights as torch.save writes them, such as torchvision's.")],
    out: Annotated[Path, typer.Option(help="File to write, .safetensors.")],
) -> None:
    """Convert a backbone's weights, such as MobileNetV3's for ImageNet, for fit --start_from.

    Nothing in the file is executed. Its classifier is left out.
    """
    from lnstation_training.engine.backbone_files import convert_backbone

    kept, dropped = convert_backbone(source, out)
    say(f"{out}: {kept} weights, {dropped} of the classifier left out. Next: train fit --start_from {out}")
