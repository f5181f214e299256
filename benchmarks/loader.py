"""Images per second of crop + flip: one vectorised gather against torchvision's v2 pipeline on PIL images.

    python benchmarks/loader.py

One thread, batches of 128, random images of 32x32; the two in turn. Both end in float32 in [0,1].
"""

import time

import torch
from PIL import Image
from torchvision.transforms import v2

from measured import Results
from taet.data.loader import Loader

COUNT, BATCH, REPEATS = 5120, 128, 7


def ours(loader: Loader, epoch: int) -> float:
    start = time.process_time()
    for _ in loader.batches(epoch):
        pass
    return len(loader) * BATCH / (time.process_time() - start)


def theirs(images: list[Image.Image], transform: v2.Compose) -> float:
    start = time.process_time()
    for i in range(0, len(images), BATCH):
        torch.stack([transform(image) for image in images[i : i + BATCH]])
    return len(images) / (time.process_time() - start)


def main() -> None:
    torch.set_num_threads(1)
    raw = torch.randint(0, 256, (COUNT, 32, 32, 3), dtype=torch.uint8)
    loader = Loader(raw, torch.zeros(COUNT, dtype=torch.int64), 255, BATCH, True, 0, "crop_flip")
    images = [Image.fromarray(image.numpy()) for image in raw]
    transform = v2.Compose(
        [
            v2.RandomCrop(32, padding=4),
            v2.RandomHorizontalFlip(),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
        ]
    )
    ours(loader, 0), theirs(images[:BATCH], transform)
    pairs = [(ours(loader, epoch), theirs(images, transform)) for epoch in range(REPEATS)]
    results = Results("loader")
    results.add("crop + flip, one gather", [a for a, _ in pairs], "images/s of one core")
    results.add("crop + flip, torchvision v2 on PIL", [b for _, b in pairs], "images/s of one core")
    results.add("gather against torchvision", [a / b for a, b in pairs], "times as many images")
    results.keep()


if __name__ == "__main__":
    main()
