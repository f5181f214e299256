"""Whether the parameters fit together, which no single value can show."""

import math
from collections.abc import Iterator

from taet.errors import suggest
from taet.options import MethodOptions
from taet.study.params import plugins
from taet.study.params.blocks import RESERVED, Grid, Params, imbalance_ratio_label
from taet.study.params.resolved import ResolvedValues
from taet.training_options import Training, Validation


def inconsistencies(params: Params, resolved: ResolvedValues) -> Iterator[str]:
    """Duplicates, references to unknown names, lengths that do not fit; one line each."""
    yield from _grid_problems(params, resolved)
    yield from _plugin_problems(params, resolved)
    wrong = list(_training_problems(params, resolved))
    if wrong:
        yield from wrong
    else:
        yield from _validation_problems(params, resolved)
        yield from _adjustment_problems(params, resolved)
        yield from _never_problems(params, resolved)
    yield from _attack_problems(params, resolved)
    unstable = list(_stabilization_problems(params, resolved))
    yield from unstable or _chain_problems(params, resolved)
    if not wrong and not unstable:
        yield from _handover_problems(params, resolved)
    yield from _report_problems(params, resolved)
    yield from _claim_problems(params, resolved)


def _grid_problems(params: Params, resolved: ResolvedValues) -> Iterator[str]:
    for axis in Grid.model_fields:
        values = getattr(params.grid, axis)
        if axis == "imbalance_ratios":  # the same when they would share a path
            values = [imbalance_ratio_label(value) for value in values]
        for i, value in enumerate(values):
            where = resolved.locate(("grid", axis, i))
            if value in values[:i]:
                yield f"{where}: {value!r} is in the list twice"
            if axis in plugins.FOLDERS and value not in (blocks := getattr(params, axis)):
                yield f"{where}: no {plugins.FOLDERS[axis]} {value!r}{suggest(value, blocks)}"


def _plugin_problems(params: Params, resolved: ResolvedValues) -> Iterator[str]:
    """Problems that a block reports itself, and labels that two rows or columns of a table would share."""
    for axis in plugins.FOLDERS:
        blocks = getattr(params, axis)
        for name, block in blocks.items():
            problem, base = block.problem(), resolved.bases.get((axis, name))
            if problem and not (base and problem == blocks[base].problem()):
                yield f"{resolved.locate((axis, name))}: {problem}"
            if block.label != block.label.strip():
                where = resolved.locate((axis, name, "label"))
                yield f"{where}: {block.label!r} begins or ends with a space; remove it"
        labels: dict[str, str] = {}
        for name in getattr(params.grid, axis):
            if name in blocks:
                first = labels.setdefault(blocks[name].label, name)
                if first != name:
                    where = resolved.locate((axis, name, "label"))
                    yield (
                        f"{where}: {blocks[name].label!r} is also the label of {first!r}; "
                        "tables need distinct ones"
                    )


def _training_problems(params: Params, resolved: ResolvedValues) -> Iterator[str]:
    common = list(_training_block_problems(params, params.training, ("training",), resolved))
    yield from common
    if common:  # every method would repeat it
        return
    for name, method in params.methods.items():
        path = ("methods", name, "training")
        if resolved.has(path):
            yield from _training_block_problems(params, method.training, path, resolved)
        for option in method.without_effect:
            unused = (*path, "attack", option)
            if resolved.has(unused):
                yield f"{resolved.locate(unused)}: has no part in this method; remove it"


def _training_block_problems(
    params: Params, training: Training, path: tuple[str, ...], resolved: ResolvedValues
) -> Iterator[str]:
    attack = training.attack
    eps = params.threat.eps if attack.eps is None else attack.eps
    if attack.step_size > 2 * eps:
        yield _long_step(resolved.locate((*path, "attack", "step_size")), attack.step_size, eps)
    for option, problem in training.schedule.problems(training.epochs):
        yield f"{resolved.locate((*path, 'schedule', *option))}: {problem}"


def _validation_problems(params: Params, resolved: ResolvedValues) -> Iterator[str]:
    """Validation needs validation images, and the best weights need validation."""
    problems: dict[
        str, None
    ] = {}  # each once: a problem of the common block is one of every method
    unmeasured = False
    for name in params.grid.methods:
        if name in params.methods:
            own: tuple[str, ...] = ("methods", name, "training")
            path = own if resolved.has((*own, "validation")) else ("training",)
            validation = params.methods[name].training.validation
            if validation is None:
                unmeasured = True
            else:
                problems |= dict.fromkeys(_measuring_problems(params, validation, path, resolved))
    yield from problems
    if unmeasured and "best" in params.grid.checkpoints:
        where = resolved.locate(("grid", "checkpoints", params.grid.checkpoints.index("best")))
        yield (
            f"{where}: 'best' needs training.validation for every method; set it, or take "
            "'best' out"
        )


def _measuring_problems(
    params: Params, validation: Validation, path: tuple[str, ...], resolved: ResolvedValues
) -> Iterator[str]:
    if validation.step_size > 2 * params.threat.eps:
        where = resolved.locate((*path, "validation", "step_size"))
        yield _long_step(where, validation.step_size, params.threat.eps)
    for dataset in _without_validation(params):
        yield (
            f"{resolved.locate((*path, 'validation'))}: {dataset!r} has no validation images; set "
            "longtail.validation_share above 0 or longtail.validation_per_class, or validation to null"
        )


def _without_validation(params: Params) -> Iterator[str]:
    """Data sets of the grid that have no validation images."""
    for dataset in params.grid.datasets:
        options = params.datasets.get(dataset)
        if options is None or options.official_validation:
            continue
        if options.longtail.validation_share == 0 and options.longtail.validation_per_class is None:
            yield dataset


def _adjustment_problems(params: Params, resolved: ResolvedValues) -> Iterator[str]:
    """The choice between several tau, after training, needs validation images."""
    for name, method in _used_methods(params):
        adjustment = method.logit_adjustment
        if adjustment is None or not isinstance(adjustment.tau, list):
            continue
        where = resolved.locate(("methods", name, "logit_adjustment", "tau"))
        if len(adjustment.tau) < 2:
            continue
        for dataset in _without_validation(params):
            yield (
                f"{where}: several values, but {dataset!r} has no validation images to choose with; set "
                "longtail.validation_share above 0 or longtail.validation_per_class, or give one value"
            )
        if method.training.validation is not None:
            yield (
                f"{where}: several values are chosen from after the training, so training.validation cannot "
                "measure with the right one; give one value, or set validation to null"
            )


def _never_problems(params: Params, resolved: ResolvedValues) -> Iterator[str]:
    """Options that begin in an epoch that the training does not reach."""
    for name, method in _used_methods(params):
        epochs = method.training.epochs
        for path, begin in method.first_epochs().items():
            if begin >= epochs:
                where = resolved.locate(("methods", name, *path))
                yield f"{where}: {begin} is never reached; must be below the number of epochs, {epochs}"


def process_problems(params: Params, resolved: ResolvedValues) -> Iterator[str]:
    """What several processes that train one network together need; of the study that is to run alone."""
    count, where = params.compute.processes, resolved.locate(("compute", "processes"))
    if count == 1:
        return
    for name, method in _used_methods(params):
        training = method.training
        if not method.by_several_processes:
            yield f"{where}: {name!r} trains in one process only; set it to 1"
        elif training.batch_size % count or not training.drop_last:
            yield (
                f"{where}: {count} need training.drop_last: true and a training.batch_size that they can "
                f"share evenly; {name!r} has {training.batch_size}"
            )


def _used_methods(params: Params) -> Iterator[tuple[str, MethodOptions]]:
    """Methods of the grid; names without a block are reported elsewhere."""
    for name in params.grid.methods:
        if name in params.methods:
            yield name, params.methods[name]


def _long_step(where: str, step_size: float, eps: float) -> str:
    return f"{where}: {step_size:.4g} is wider than the whole ball, 2 eps = {2 * eps:.4g}"


def _attack_problems(params: Params, resolved: ResolvedValues) -> Iterator[str]:
    for name in RESERVED & params.attacks.keys():
        where = resolved.locate(("attacks", name))
        yield f"{where}: the name is taken in files of predictions; choose another"
    for name in params.grid.attacks:
        options = params.attacks.get(name)
        step_size = getattr(options, "step_size", 0)
        radius = options.ball(params.threat.eps)[1] if options else None
        if radius is not None and step_size > 2 * radius:
            where = resolved.locate(("attacks", name, "step_size"))
            yield _long_step(where, step_size, radius)


def _stabilization_problems(params: Params, resolved: ResolvedValues) -> Iterator[str]:
    for name, method in params.methods.items():
        start, known = method.stabilization, params.stabilizations
        if start is not None and start not in known:
            where = resolved.locate(("methods", name, "stabilization"))
            yield f"{where}: no stabilization {start!r}{suggest(start, known)}"
    for name, stabilization in params.stabilizations.items():
        where = resolved.locate(("stabilizations", name, "method"))
        method_name = stabilization.method
        stabilizing = params.methods.get(method_name)
        if stabilizing is None:
            yield f"{where}: no method {method_name!r}{suggest(method_name, params.methods)}"
        elif stabilizing.stabilization is not None:
            yield f"{where}: {method_name!r} has a stage 1 itself; name a method without one"
        users = [m for m in params.grid.methods if _starts_from(params, m) == name]
        shortest = min((params.methods[u].training.epochs for u in users), default=math.inf)
        if stabilization.epochs >= shortest:
            where = resolved.locate(("stabilizations", name, "epochs"))
            yield (
                f"{where}: {stabilization.epochs} leaves no epoch for stage 2 of a method that ends "
                f"at epoch {shortest}"
            )


def _starts_from(params: Params, method: str) -> str | None:
    """Stage 1 of a method of the grid; names without a block are reported elsewhere."""
    return params.methods[method].stabilization if method in params.methods else None


def _chain_problems(params: Params, resolved: ResolvedValues) -> Iterator[str]:
    """Each link of a chain must have fewer epochs than the next, so that no chain is a circle."""
    known = params.stabilizations
    for name, stabilization in known.items():
        if stabilization.after is None:
            continue
        where = resolved.locate(("stabilizations", name, "after"))
        before = known.get(stabilization.after)
        if before is None:
            yield f"{where}: no stabilization {stabilization.after!r}{suggest(stabilization.after, known)}"
        elif before.method != stabilization.method:
            methods = f"{before.method!r}, not {stabilization.method!r}"
            yield f"{where}: {stabilization.after!r} is made with {methods}"
        elif before.epochs >= stabilization.epochs:
            yield (
                f"{where}: {stabilization.after!r} has {before.epochs} epochs; "
                f"must be below {stabilization.epochs}"
            )


def _handover_problems(params: Params, resolved: ResolvedValues) -> Iterator[str]:
    """Stage 1 ends within the epochs of its own method, and stage 2 can take over its optimiser."""
    too_long: dict[str, None] = {}  # each once: several methods may share a stage 1
    for user, method in _used_methods(params):
        name = method.stabilization
        if name is None:
            continue
        stabilization = params.stabilizations[name]
        first, kind = params.methods[stabilization.method].training, method.training.optimizer.kind
        if stabilization.epochs > first.epochs:
            where = resolved.locate(("stabilizations", name, "epochs"))
            last = f"the last epoch of {stabilization.method!r}, {first.epochs}"
            too_long[f"{where}: {stabilization.epochs} is beyond {last}"] = None
        if kind != first.optimizer.kind:
            where = resolved.locate(("methods", user, "stabilization"))
            yield (
                f"{where}: {name!r} is trained with {first.optimizer.kind}, from whose state {kind} cannot "
                "go on; give both one kind of optimizer"
            )
    yield from too_long


def _report_problems(params: Params, resolved: ResolvedValues) -> Iterator[str]:
    attack, attacks = params.report.headline_attack, params.grid.attacks
    for name, worst in params.report.worst_cases.items():
        path = ("report", "worst_cases", name)
        if name in params.attacks or name in RESERVED:
            yield f"{resolved.locate(path)}: the name is that of an attack; choose another"
        if worst.label in [params.attacks[a].label for a in attacks if a in params.attacks]:
            where = resolved.locate((*path, "label"))
            yield f"{where}: {worst.label!r} is also the label of an attack; tables need distinct ones"
        named = [] if worst.attacks == "all" else worst.attacks
        for i, member in enumerate(named):
            where = resolved.locate((*path, "attacks", i))
            if member not in attacks:
                yield f"{where}: {member!r} is not in grid.attacks; add it there, or name another"
            elif not _in_the_ball(params, member):
                yield f"{where}: {member!r} is not bounded by the L-inf eps of 'threat'; name another"
        if not named and not any(_in_the_ball(params, member) for member in attacks):
            where = resolved.locate((*path, "attacks"))
            yield f"{where}: no attack of the grid is bounded by the L-inf eps of 'threat'; add one"
    if attack not in attacks:
        where = resolved.locate(("report", "headline_attack"))
        yield f"{where}: {attack!r} is not in grid.attacks; add it there, or name another"
    figure_attack, worst_cases = params.report.figure_attack, params.report.worst_cases
    if figure_attack not in (*attacks, *worst_cases):
        where = resolved.locate(("report", "figure_attack"))
        yield (
            f"{where}: {figure_attack!r} is neither in grid.attacks nor in report.worst_cases; add it to "
            "one of them, or name another"
        )
    if params.report.checkpoint not in params.grid.checkpoints:
        where = resolved.locate(("report", "checkpoint"))
        yield (
            f"{where}: {params.report.checkpoint!r} is not in grid.checkpoints; add it there, or name "
            "another"
        )
    if params.report.groups.head + params.report.groups.tail > 1:
        where = resolved.locate(("report", "groups"))
        yield f"{where}: head and tail together are more than all classes"


def _claim_problems(params: Params, resolved: ResolvedValues) -> Iterator[str]:
    """The protocol is one for all studies, and its attacks are of one adversary."""
    claim = params.claim
    for path, (written, _) in resolved.origins.items():
        if path[:1] == ("claim",) and written[:1] == ("studies",):
            yield f"{resolved.locate(path)}: the protocol is one for all studies; remove it here"
            return
    for i, name in enumerate(claim.attacks):
        where = resolved.locate(("claim", "attacks", i))
        if name not in params.attacks:
            yield f"{where}: no attack {name!r}{suggest(name, params.attacks)}"
        elif not params.attacks[name].in_linf_ball(claim.eps):
            yield f"{where}: {name!r} is not bounded by the L-inf eps of 'claim'; name another"
    for name in claim.datasets:
        if name not in params.datasets:
            where = resolved.locate(("claim", "datasets", name))
            yield f"{where}: no data set {name!r}{suggest(name, params.datasets)}"
    if claim.groups.head + claim.groups.tail > 1:
        where = resolved.locate(("claim", "groups"))
        yield f"{where}: head and tail together are more than all classes"


def _in_the_ball(params: Params, attack: str) -> bool:
    """Whether an attack stays in the ball of ``threat``; a worst case is over such attacks alone."""
    options = params.attacks.get(attack)
    return options is None or options.in_linf_ball(
        params.threat.eps
    )  # no block: reported elsewhere
