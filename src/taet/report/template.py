"""Templates of pages, from the folder ``templates``."""

import importlib.resources

import jinja2


def template(name: str) -> jinja2.Template:
    """A template; text is escaped, and a missing value is an error."""
    folder = importlib.resources.files("taet.report") / "templates"
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (folder / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":")}
    return environment.get_template(name)
