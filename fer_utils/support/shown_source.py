"""The course's own source as a notebook shows it: with the imports that it needs, and as wide as its longest line."""

import ast
import inspect


def scrolling(code: str) -> str:
    """Code in Markdown, in a code cell's type, whose letters are 0.6 em wide: a line that does not fit scrolls."""
    width = 0.61 * max(map(len, code.splitlines()))
    return (f'<div style="overflow-x: auto"><div style="font-size: 0.93em; min-width: {width:.0f}em">\n\n'
            f"```python\n{code}\n```\n\n</div></div>")


def imports_for(source: str, thing) -> list[str]:
    """The imports for a source taken from the module of `thing`: those of the module, and what else it defines."""
    module = inspect.getmodule(thing)
    nodes = list(ast.walk(ast.parse(source)))
    used = {node.id for node in nodes if isinstance(node, ast.Name)} - {thing.__name__}
    used |= {node.returns.value for node in nodes  # what a method returns may stand in quotes
             if isinstance(node, ast.FunctionDef) and isinstance(node.returns, ast.Constant)}
    lines, imported = [], set()
    for line in ast.parse(inspect.getsource(module)).body:
        if isinstance(line, ast.Import | ast.ImportFrom):
            imported |= {name.asname or name.name for name in line.names}
            line.names = [name for name in line.names if (name.asname or name.name) in used]
            lines += [ast.unparse(line)] if line.names else []
    own = sorted(name for name in (used & set(vars(module))) - imported if not name.startswith("__"))
    names = f"(\n    {', '.join(own)},\n)" if len(own) > 8 else ", ".join(own)
    return lines + ([f"from {module.__name__} import {names}"] if own else [])
