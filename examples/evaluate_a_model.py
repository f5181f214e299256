"""A trained network under attack, from Python. In the project's folder, after ``snakemake --cores 4 all``:

python examples/evaluate_a_model.py results/digits/equalize/digits/ir10/small_cnn/taet/seed0.safetensors
"""

import sys

import taet

if len(sys.argv) != 2:
    sys.exit(__doc__)
model = taet.load_model(sys.argv[1])  # or any torch module: images in [0,1] to logits
found = taet.evaluate(model, "digits", ["pgd20", "cw20"], images=100)

# A row for each attack, over all classes; other scopes are each class, and the worst.
everything = found[found["scope"] == "all"].set_index("label")
print(everything[["test_images", "accuracy", "accuracy_low", "accuracy_high"]].round(3))

pgd = found[(found["attack"] == "pgd20") & (found["scope"] == "class")]
weakest = pgd.loc[pgd["accuracy"].idxmin()]
print(f"least robust under PGD-20: class {weakest['class_name']}, {weakest['accuracy']:.0%}")
for label, warnings in everything["warnings"].dropna().items():
    for warning in warnings.splitlines():
        print(f"warning, {label}: {warning}")
