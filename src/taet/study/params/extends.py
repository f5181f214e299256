"""Blocks that extend others: completed with the values of these, but for labels."""

from collections import defaultdict
from dataclasses import replace
from typing import Any

from taet.errors import UserError, suggest
from taet.study.params.merge import merge
from taet.study.params.plugins import FOLDERS, names
from taet.study.params.resolved import Origin, ResolvedValues
from taet.study.params.yamlfile import KeyPath


def with_bases(resolved: ResolvedValues) -> ResolvedValues:
    """The values with blocks that extend others completed from these, but for labels."""
    values, origins = dict(resolved.values), dict(resolved.origins)
    bases: dict[tuple[str, str], str] = {}
    by_block: dict[KeyPath, dict[KeyPath, Origin]] = defaultdict(dict)
    for path, origin in origins.items():
        by_block[path[:2]][path] = origin
    for section in FOLDERS:
        if isinstance(values.get(section), dict):
            values[section] = dict(values[section])
            for name in _bases_first(resolved, section):
                base = bases[section, name] = values[section][name]["extends"]
                block, written = _extended(
                    values[section],
                    (section, name),
                    by_block[section, base],
                    by_block[section, name],
                )
                values[section][name], by_block[section, name] = block, written
                origins |= written
    return replace(resolved, values=values, origins=origins, bases=bases)


def _bases_first(resolved: ResolvedValues, section: str) -> list[str]:
    """Names of the blocks that extend others, each after the one that it extends.

    Raises:
        UserError: a block extends one that does not exist, or itself by way of others, or names a kind.
    """
    blocks = resolved.values[section]
    bases = {
        name: block["extends"]
        for name, block in blocks.items()
        if isinstance(block, dict) and "extends" in block
    }
    ordered: list[str] = []
    for name in bases:
        chain = [name]
        while chain[-1] in bases:
            base, where = bases[chain[-1]], resolved.locate((section, chain[-1], "extends"))
            if not isinstance(base, str):
                raise UserError(f"{where}: must be the name of one block of {section}")
            if base not in blocks:
                raise UserError(
                    f"{where}: no {FOLDERS[section]} {base!r}{suggest(str(base), blocks)}"
                )
            if base in chain:
                circle = " -> ".join([*chain[chain.index(base) :], base])
                raise UserError(f"{where}: blocks extend each other in a circle, {circle}")
            if "kind" in blocks[chain[-1]]:
                where = resolved.locate((section, chain[-1], "kind"))
                raise UserError(
                    f"{where}: a block is of the kind of the one that it extends; remove it"
                )
            chain.append(base)
        kind = _kind_of(blocks, chain[-1])
        if name != kind and name in names(section):
            raise UserError(
                f"{resolved.locate((section, name, 'extends'))}: a block named {name!r} is of that kind; "
                f"give the one that extends {bases[name]!r} another name"
            )
        ordered += [link for link in reversed(chain[:-1]) if link not in ordered]
    return ordered


def _kind_of(blocks: dict[str, Any], name: str) -> Any:
    """The kind of a block that extends no other."""
    block = blocks[name]
    return block.get("kind", name) if isinstance(block, dict) else name


def _extended(
    blocks: dict[str, Any],
    path: tuple[str, str],
    of_base: dict[KeyPath, Origin],
    of_own: dict[KeyPath, Origin],
) -> tuple[Any, dict[KeyPath, Origin]]:
    """A block over the one that it extends, and where each value of it was written."""
    section, name = path
    base_name = blocks[name]["extends"]
    base, own = blocks[base_name], {k: v for k, v in blocks[name].items() if k != "extends"}
    if not isinstance(base, dict):
        return base, of_own  # wrong, and reported for the base
    inherited = {"kind": base_name} | {key: value for key, value in base.items() if key != "label"}
    origins = {(*path, *p[2:]): origin for p, origin in of_base.items() if p[2:3] != ("label",)}
    origins.setdefault((*path, "kind"), of_base[section, base_name])
    return merge(inherited, own, path, origins, of_own.__getitem__), origins
