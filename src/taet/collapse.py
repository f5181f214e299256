"""How the evaluation warns of a network that has collapsed; tables do not rank a method with this warning."""

COLLAPSED = "predicts one class for all images: the training has collapsed"
