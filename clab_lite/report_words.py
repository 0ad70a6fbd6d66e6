"""What the report says about its subject: the method, what the run cannot show, and its words."""

from __future__ import annotations

METHOD = (
    "A video detector finds the objects of a frame with the help of other frames of the same video. While it trains,"
    " an auxiliary branch adds a second task, the contrast: features of frames of one clip are pulled together, those"
    " of other clips are pushed apart. The weight of this task fades to zero, and the branch is removed afterwards."
    " The numbers are on held-out videos: none of them was trained on."
)

NO_CONTROL = (
    "This run has no control: features may group better through the detection losses alone. To see the share of the"
    " contrast, train once without the branch and compare the maps:"
)

WORDS = {
    "AP50": "average precision, 0 to 1, mean over classes; 1 is perfect. A box counts as right when it has the right"
    " class and overlaps the true box by an IoU of 0.50; of several boxes on one object only one counts.",
    "IoU": "intersection over union: the area that two boxes share, divided by the area that they cover together.",
    "AP 0.50:0.95": "the mean of AP at ten IoUs from 0.50 to 0.95: how exact the boxes are.",
    "clip": "one frame to detect in and some reference frames of the same video, as the detector trains on them.",
    "NT-Xent": "the contrastive loss: how surely an embedding's partner from the same clip is picked among all"
    " candidates, which are the other embeddings of the batch.",
    "chance": "that loss when the embeddings tell nothing: the logarithm of the number of candidates.",
    "C4": "the feature map of the backbone's fourth stage, one cell per 16 x 16 pixels; the branch reads it.",
    "silhouette": "how much nearer an embedding lies to its own group than to the next one, -1 to 1.",
    "kNN purity": "the share of the five nearest neighbours that belong to the same group, 0 to 1.",
}


def control_commands(dataset: str) -> str:
    """What trains the tiny preset without the branch, and draws its map."""
    return (
        f"clab-lite train {dataset} --preset tiny --detector.contrast.no-enabled --out runs/no_contrast\n"
        f"clab-lite embed runs/no_contrast {dataset}"
    )
