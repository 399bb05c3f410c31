"""What the network of an nnU-Net v2 folder is made of, as its plans tell it. Checked before anything is made."""

from __future__ import annotations

from typing import Any

from viewer.compute.progress import Refusal

NETWORKS = {"PlainConvUNet": False, "ResidualEncoderUNet": True}  # name of its class -> residual
MOST = {"stages": 10, "features": 4096, "classes": 1000, "channels": 64, "blocks": 64}


def network_design(config: dict[str, Any], channels: int, classes: int) -> dict[str, Any]:
    """Arguments of Design in plugins/apply_model/nnunet_networks.py, from plans of all versions of nnU-Net v2."""
    given = config.get("architecture")
    if given is None:
        stages, name = len(config["n_conv_per_stage_encoder"]), config["UNet_class_name"]
        widest, first = int(config["unet_max_num_features"]), int(config["UNet_base_num_features"])
        features = [min(first * 2**n, widest) for n in range(stages)]
        kernels, strides = config["conv_kernel_sizes"], config["pool_op_kernel_sizes"]
        blocks, decoder, extra = config["n_conv_per_stage_encoder"], config["n_conv_per_stage_decoder"], {}
    else:
        name, entry = given["network_class_name"].rpartition(".")[2], given["arch_kwargs"]
        stages, features, kernels, strides = (
            entry[key] for key in ("n_stages", "features_per_stage", "kernel_sizes", "strides")
        )
        blocks = entry["n_conv_per_stage" if "n_conv_per_stage" in entry else "n_blocks_per_stage"]
        decoder, extra = entry["n_conv_per_stage_decoder"], _extra(entry)
    if name not in NETWORKS:
        raise Refusal(f"this nnU-Net model is a {name}, which is not known here; {' and '.join(NETWORKS)} are.")
    if not 2 <= stages <= MOST["stages"] or classes > MOST["classes"] or channels > MOST["channels"]:
        raise ValueError("the network is far too large")
    made = {
        "residual": NETWORKS[name],
        "channels": channels,
        "classes": classes,
        "features": _counts(features, MOST["features"]),
        "kernels": tuple(triple(one, int, 31) for one in kernels),
        "strides": tuple(triple(one, int, 16) for one in strides),
        "blocks": _counts(blocks, MOST["blocks"]),
        "decoder": _counts(decoder, MOST["blocks"]),
        **extra,
    }
    lengths = {len(made[key]) for key in ("features", "kernels", "strides", "blocks")}
    if lengths != {stages} or len(made["decoder"]) != stages - 1:
        raise ValueError("its stages are told in different numbers")
    return made


def _extra(entry: dict[str, Any]) -> dict[str, Any]:
    """Norm, activation and bias, where they are of the known kinds."""
    kinds = {"conv_op": ("Conv3d",), "norm_op": ("InstanceNorm3d",), "nonlin": ("LeakyReLU", "ReLU"),
             "dropout_op": ("None",)}  # fmt: skip
    for key, allowed in kinds.items():
        name = str(entry.get(key)).rpartition(".")[2]
        if name not in allowed:
            raise Refusal(f"this nnU-Net model uses {name} as its {key}, which is not known here.")
    norm, active = entry.get("norm_op_kwargs") or {}, entry.get("nonlin_kwargs") or {}
    relu = str(entry["nonlin"]).endswith(".ReLU")
    return {
        "bias": bool(entry["conv_bias"]),
        "eps": float(norm.get("eps", 1e-5)),
        "affine": bool(norm.get("affine", False)),
        "slope": 0.0 if relu else float(active.get("negative_slope", 0.01)),
    }


def triple(value: Any, kind: type, most: float) -> Any:
    """Three numbers above 0 and up to `most`; one stands for three."""
    found = (kind(value),) * 3 if isinstance(value, (int, float)) else tuple(kind(one) for one in value)
    if len(found) != 3 or not all(0 < one <= most for one in found):
        raise ValueError(f"{str(value)[:50]} are not three numbers up to {most}")
    return found


def _counts(values: Any, most: int) -> tuple[int, ...]:
    """How many channels or layers there are in each stage: at least one, at most `most`."""
    found = tuple(map(int, values))
    if not all(0 < one <= most for one in found):
        raise ValueError("its stages have no or far too many channels or layers")
    return found
