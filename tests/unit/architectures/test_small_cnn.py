"""The small network has the weights that its docstring draws."""

from taet.architectures.small_cnn import SmallCNN


def test_shapes() -> None:
    shapes = [tuple(weight.shape) for weight in SmallCNN(16, 1, 8).parameters()]
    assert shapes == [
        (16, 1, 3, 3), (16,),
        (32, 16, 3, 3), (32,),
        (32, 32, 3, 3), (32,),
        (64, 32 * 2 * 2), (64,),
    ]  # fmt: skip
