"""The lists of layers in a plugin's form: a label map may be a segmentation."""

from __future__ import annotations

from viewer.ui.plugins.inputs import PluginInputs


def test_segmentations_are_offered_for_label_maps_and_handed_over_as_they_are(session, add_image, qtbot):
    image = add_image("CT chest")
    layer = session.segments.new_layer(image)
    inputs = PluginInputs(session, session.plugins["resample_segmentation"])
    qtbot.addWidget(inputs)
    inputs.refresh()
    (name,) = [one.name for one in inputs.plugin.inputs if one.type == "segmentation"]
    assert inputs.boxes[name].currentText() == layer.name
    assert inputs.missing == []
    assert inputs.chosen[name] is layer.segmentation
