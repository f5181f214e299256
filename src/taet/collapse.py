"""How the evaluation warns of a network that has collapsed; tables do not rank a method that has one."""

COLLAPSED = "the training has collapsed"  # part of the warning
