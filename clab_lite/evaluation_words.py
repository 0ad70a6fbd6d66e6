"""What each number of an evaluation is: the rules behind it, in plain words, and what it can be compared with."""

from __future__ import annotations

from dataclasses import dataclass

from clab_lite.metrics.certainty import MIN_SOURCES

FULL_VAL = {"videos": 555, "frames": 176_126, "boxes": 273_505}
"""The whole validation split of ImageNet VID: what published numbers are taken on."""


@dataclass(frozen=True)
class ProtocolText:
    """title: for a table row. rules: what is computed. comparable: which published numbers follow the same rules."""

    title: str
    rules: str
    comparable: str


PROTOCOL_TEXTS = {
    "coco": ProtocolText(
        "COCO",
        "AP50 as pycocotools computes it: IoU of at least 0.50, box width x2 - x1, precision read at 101 recalls, at"
        " most 100 detections of a class in a frame, mean over the classes that have ground truth.",
        'CLAB ("84.0 mAP" there is bbox_mAP_50, which is this AP50), and SELSA and Temporal RoI Align as mmtracking'
        " reports them.",
    ),
    "mega": ProtocolText(
        "VOC, MEGA",
        "AP50 as MEGA's vid_eval computes it: IoU of at least 0.50, box width x2 - x1 + 2, ground truth clipped to the"
        " frame, area under the whole precision envelope (VOC 2010 and later), no limit on detections.",
        "the mAP of the MEGA paper and its slow, medium and fast columns, and of projects that evaluate with MEGA's"
        " code.",
    ),
    "fgfa": ProtocolText(
        "VOC, FGFA",
        "AP50 as FGFA and the ILSVRC devkit compute it: box width x2 - x1 + 1, the IoU to reach is 0.50 but less for"
        " objects below about 24 x 24 pixels, area under the whole precision envelope, no limit on detections. The"
        " mean is over the classes that have ground truth.",
        "the mAP of the ILSVRC challenge and the FGFA paper, its slow, medium and fast columns, and projects that"
        " evaluate with FGFA's code.",
    ),
}
"""Key of `EvaluationReport.protocols` -> its texts."""

STRICT = (
    "AP 0.50:0.95 is the mean of COCO AP at ten IoUs, 0.50 to 0.95 (bbox_mAP in mmtracking). Most papers on"
    " ImageNet VID do not report it."
)

MOTION = (
    "Motion IoU of an object: the mean IoU of its box with its own boxes up to ten frames before and after. Slow is"
    " 0.9 and more, medium 0.7 to 0.9, fast 0.7 and less. Objects of other speeds are ignored: finding them is neither"
    " right nor wrong."
)

ALL_SPEEDS = (
    "The parts are no shares of the whole, so all speeds together may score below or above every one of them: in a"
    " part, objects of other speeds are ignored, and a false positive weighs less (in a frame without objects, as much"
    " as the share of this speed among all objects)."
)

NO_MOTION = "By motion: not available, the dataset gives no tracks (which box is the same object as in another frame)."

SIZE = (
    "By the area of the true box, in pixels of the stored frame: small below 32 x 32, medium up to 96 x 96, large"
    " above. Objects of other sizes are ignored."
)

TROUBLE = (
    "COCO. A frame may have several troubles; each row is of its own frames only, with those that show no object: they"
    " count among its videos and frames. Rows show different videos and classes: the hollow dot and its column are AP50"
    " on the clean frames of the same videos, over the classes that both show."
)

INTERVAL = (
    "The 95 % interval tells how much a number depends on which videos happened to be in the dataset. The videos are"
    " drawn again, with replacement, as many as there are, and AP is computed on each draw; the interval is what most"
    " draws agree on. Clips cut from one source video are drawn together, as their frames look alike. In a mean over"
    " classes, a class that a draw does not show keeps its AP. 95 % is the nominal level: the interval is widened for"
    " few source videos, and with few it may still be too short. Another training of the same detector is not covered."
)

ENDS = (
    "A number may lie near an end of its interval: a draw shows some videos twice and others not at all, and AP falls"
    " and rises differently with that. 0 to 0 is no certainty: in no draw was anything found, which says nothing about"
    " videos that are not in the dataset. Where intervals of two rows overlap, their order may be chance."
)

FEW_SOURCES = f"fewer than {MIN_SOURCES} source videos show it, or too few for its number of classes"
"""Why a row has none where others have one."""

NO_INTERVAL = (
    f"A number without interval: it was not asked for, or too few source videos show what it measures. Fewer than"
    f" {MIN_SOURCES} say next to nothing about other videos, and neither does a mean over classes of which some are"
    " seen in hardly more than one."
)

ERROR_WORDS = {
    "localisation": ("poor box", "right class, but the box overlaps the object by an IoU of only 0.1 to 0.5"),
    "class": ("wrong class", "the box fits an object (IoU of at least 0.5), but its class is wrong"),
    "both": ("wrong class and poor box", "wrong class, and an IoU of only 0.1 to 0.5"),
    "duplicate": ("duplicate", "a second box on an object that was found already"),
    "outside": ("other object", "at an object that was not asked for, by another class or a poor box"),
    "background": ("background", "nothing there: IoU below 0.1 with every object"),
    "missed": ("missed", "an object that no detection found, not even with another class or a poor box"),
}
"""Kind of error -> (short name, what it is), as TIDE defines them (Bolya and others, 2020; arXiv 2008.08115)."""

ERRORS = (
    "Each bar is the AP50 that would be gained if this kind of error alone were mended and all others stayed (TIDE,"
    " arXiv 2008.08115). The gains do not add up to 1 - AP50, as a mended error can uncover another one."
)

ERRORS_OF_PART = (
    "This is about the part that was asked for ({subset}): only its objects are to be found, and only detections of its"
    " classes are counted. Right detections of other objects are left out; wrong ones at them have a row of their own."
)

CURVES = (
    "COCO, IoU 0.50. At each recall, the best precision that is reached with at least this recall; the area under a"
    " curve is its AP50. A line ends where the detector finds no more objects, however low the score. The thin grey"
    " lines are the classes in the large drawing, and the mean of all classes in the small ones. All scales go from 0"
    " to 1."
)

WORST = (
    "One frame per video, that with the largest error: the number of objects missed plus the scores of all wrong"
    " detections."
)
