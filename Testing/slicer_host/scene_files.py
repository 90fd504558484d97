"""``slicer.app.coreIOManager()``: loading and saving of scenes and of the nodes that the module handles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer

_BY_ENDING = {
    ".mrb": "SceneFile",
    ".mrml": "SceneFile",
    ".seg.nrrd": "SegmentationFile",
    ".seg.nhdr": "SegmentationFile",
    ".nrrd": "VolumeFile",
    ".nhdr": "VolumeFile",
    ".nii": "VolumeFile",
    ".nii.gz": "VolumeFile",
    ".mha": "VolumeFile",
    ".mhd": "VolumeFile",
    ".csv": "TableFile",
    ".tsv": "TableFile",
    ".txt": "TextFile",
    ".json": "TextFile",
    ".ctbl": "ColorTableFile",
    ".vtp": "ModelFile",
    ".stl": "ModelFile",
}

_NODES = {
    "SegmentationFile": "vtkMRMLSegmentationNode",
    "TableFile": "vtkMRMLTableNode",
    "TextFile": "vtkMRMLTextNode",
    "ColorTableFile": "vtkMRMLColorTableNode",
    "ModelFile": "vtkMRMLModelNode",
}


class CoreIOManager:
    """Readers and writers by Slicer's own storage nodes."""

    def __init__(self, core: Any) -> None:
        self._core = core

    def fileType(self, filename: str) -> str:
        name = Path(filename).name.lower()
        matching = [ending for ending in _BY_ENDING if name.endswith(ending)]
        return _BY_ENDING[max(matching, key=len)] if matching else "NoFile"

    def fileWriterFileType(self, node: Any) -> str:
        return next((kind for kind, name in _NODES.items() if node.IsA(name)), "VolumeFile")

    def loadNodes(self, filetype: str, properties: dict[str, Any], loaded: Any = None, messages: Any = None) -> bool:
        path = Path(properties["fileName"])
        if not path.exists():
            return False
        if filetype == "SceneFile":
            return self._load_scene(path, properties.get("clear", False))
        if filetype == "VolumeFile":
            node = self._load_volume(path, properties)
        elif filetype in _NODES:
            node = self._load_by_storage(_NODES[filetype], path, properties)
        else:
            return False
        if node is not None and loaded is not None:
            loaded.AddItem(node)
        return node is not None

    def _load_scene(self, path: Path, clear: bool) -> bool:
        scene = self._core.scene
        if path.suffix.lower() == ".mrb":
            if clear:
                scene.Clear(False)
            return bool(scene.ReadFromMRB(str(path), False))
        scene.SetURL(str(path))
        return bool(scene.Connect() if clear else scene.Import())

    def _load_volume(self, path: Path, properties: dict[str, Any]) -> Any:
        # Bit 1 of the options: a label map. Bit 4: a volume of one file.
        options = 4 + (1 if properties.get("labelmap") else 0)
        name = properties.get("name") or path.name.split(".")[0]
        node = self._core.volumes_logic.AddArchetypeVolume(str(path), name, options)
        if node is not None and properties.get("show", True) and not properties.get("labelmap"):
            slicer.util.setSliceViewerLayers(background=node, fit=True)
        return node

    def _load_by_storage(self, kind: str, path: Path, properties: dict[str, Any]) -> Any:
        name = properties.get("name") or path.name.split(".")[0]
        node = self._core.scene.AddNewNodeByClass(kind, name)
        if node.IsA("vtkMRMLTextNode"):
            # A short text would else live in the scene itself and have no storage.
            node.SetForceCreateStorageNode(slicer.vtkMRMLTextNode.CreateStorageNodeAlways)
        node.AddDefaultStorageNode(str(path))
        if not node.GetStorageNode().ReadData(node):
            self._core.scene.RemoveNode(node)
            return None
        if hasattr(node, "CreateDefaultDisplayNodes"):
            node.CreateDefaultDisplayNodes()
        return node

    def saveNodes(self, filetype: str, properties: dict[str, Any], messages: Any = None) -> bool:
        path = Path(properties["fileName"]).resolve()
        if filetype == "SceneFile":
            return self._save_scene(path)
        node = self._core.scene.GetNodeByID(properties["nodeID"])
        if node.GetStorageNode() is None:
            node.AddDefaultStorageNode(str(path))
        node.GetStorageNode().SetFileName(str(path))
        return bool(node.GetStorageNode().WriteData(node))

    def _save_scene(self, path: Path) -> bool:
        scene = self._core.scene
        scene.SetURL(str(path))
        scene.SetRootDirectory(str(path.parent))
        if path.suffix == ".mrml":
            return bool(scene.Commit(str(path)))
        return bool(scene.WriteToMRB(str(path)) if path.suffix == ".mrb" else self._save_folder(path))

    def _save_folder(self, folder: Path) -> bool:
        folder.mkdir(parents=True, exist_ok=True)
        return bool(self._core.app_logic.SaveSceneToSlicerDataBundleDirectory(str(folder), None))
