"""Options of a long-tailed training set: a block that a data set can override."""

from typing import Annotated, Literal

from pydantic import Field

from taet.values import Count, Options, Share


class Longtail(Options):
    """How the training set is made long-tailed."""

    profile: Literal["exponential", "step"]
    """``exponential``: n_c = int(n_max * IR^(-c/(C-1))); ``step``: the second half has n_max / IR."""
    selection: Literal["seeded", "ldam_drw"]
    """Which training images of a class are used: ``seeded`` draws them anew for each seed; ``ldam_drw`` takes
    for every seed those of LDAM-DRW's code (NumPy seed 0), which RoBal, REAT and AT-BSL share."""
    head_images: Count | None
    """Training images of the head class, the same for all imbalance ratios so that the sets of one seed
    are nested; null for as many as the smallest class has. The long-tailed test set shrinks likewise."""
    class_order: Literal["label", "reversed", "size", "random"]
    """Classes from head to tail: by label (the field's habit), last label first, largest class first,
    or drawn anew for each seed."""
    validation_share: Annotated[Share, Field(lt=1)]
    """Share of each class's long-tailed training images that is held back for validation."""
    validation_per_class: Count | None
    """Validation images of each class, drawn from the training images that the long tail leaves over: as many
    of a rare class as of a frequent one, and no fewer to train on. null for none."""
    test_per_class: Count | None
    """Test images of each class: held out where a data set has no official test set, else drawn from that;
    null for the whole official test set."""
