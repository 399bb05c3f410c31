"""nnU-Net's own part of nnunet.py, in an environment with nnunetv2: python nnunet_peer.py FOLDER.

FOLDER/*/ hold plans.json, dataset.json and image.nii.gz. Each gets a checkpoint with random weights, as nnU-Net's
trainer writes them, and labels.nii.gz, as nnU-Net's reader, predictor and writer make them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

CONFIGURATION = "3d_fullres"


def checkpoint(folder: Path, fold: int) -> None:
    """With the weights of a network that nnU-Net builds."""
    manager = PlansManager(json.loads((folder / "plans.json").read_text()))
    dataset = json.loads((folder / "dataset.json").read_text())
    heads = manager.get_label_manager(dataset).num_segmentation_heads
    torch.manual_seed(fold)
    network = nnUNetTrainer.build_network_architecture(
        manager,
        manager.get_configuration(CONFIGURATION),
        len(dataset["channel_names"]),
        heads,
        enable_deep_supervision=True,
    )
    place = folder / f"fold_{fold}"
    place.mkdir()
    content = {
        "network_weights": network.state_dict(),
        "init_args": {"configuration": CONFIGURATION, "fold": fold},
        "trainer_name": "nnUNetTrainer",
        "inference_allowed_mirroring_axes": (0, 1, 2),
    }
    torch.save(content, place / "checkpoint_final.pth")


def predict(folder: Path) -> None:
    """The labels of the image, by all folds, without mirroring."""
    predictor = nnUNetPredictor(
        use_mirroring=False, perform_everything_on_device=False, device=torch.device("cpu"), allow_tqdm=False
    )
    predictor.initialize_from_trained_model_folder(str(folder), None)
    reader = predictor.plans_manager.image_reader_writer_class()
    values, properties = reader.read_images([str(folder / "image.nii.gz")])
    labels = predictor.predict_single_npy_array(values, properties)
    reader.write_seg(labels, str(folder / "labels.nii.gz"), properties)


if __name__ == "__main__":
    torch.set_num_threads(2)
    for path in sorted(Path(sys.argv[1]).iterdir()):
        for number in range(2 if path.name.endswith("folds") else 1):
            checkpoint(path, number)
        predict(path)
