"""Registration: the map between the spaces of two images, rigid, affine or deformable, in LPS millimetres."""

# isort: skip_file
from .rigid import register_rigid  # in the order in which they are listed
from .affine import register_affine
from .deformable import register_deform
from .network import register_network
from .external_engines import INSTALLED

if INSTALLED:  # none of them comes with Tomolens
    from .external import register_with

__all__ = ["register_affine", "register_deform", "register_network", "register_rigid", "register_with"]
