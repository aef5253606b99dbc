"""Everything that some functions need, from the modules that they stand in, as one TypeScript module.

Constants of modules are written as the values that they have here, so what made them need not be translated. Plans are
values too: a function with @cache that gives a plan becomes a look-up among the plans of all its arguments.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import itertools
import json
import re
from collections.abc import Iterable, Sequence
from types import FunctionType, ModuleType
from typing import Any

from .translate import Names, NotInSubsetError, Signature, Translator, number_literal, signature_of, text_literal

PACKAGE = "nomoat_compiler"
# Written by hand in TypeScript too, since it is about numbers and bytes.
BY_HAND = f"{PACKAGE}.portable"
# What a plan's function may be called with, by its parameter.
PLAN_ARGUMENTS: dict[str, tuple[Any, ...]] = {"dense": (0, 1, 2, 3, 4), "rope_tables": (1, 2)}


class Module:
    """A module of the compiler: its functions, classes, constants and imports by name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.short = name.rpartition(".")[2]
        self.live: ModuleType = importlib.import_module(name)
        self.functions: dict[str, ast.FunctionDef] = {}
        self.classes: dict[str, ast.ClassDef] = {}
        self.constants: dict[str, ast.expr] = {}
        self.imports: dict[str, tuple[str, str]] = {}
        for node in ast.parse(inspect.getsource(self.live)).body:
            match node:
                case ast.FunctionDef(name=name):
                    self.functions[name] = node
                case ast.ClassDef(name=name):
                    self.classes[name] = node
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self.constants[name] = value
                case ast.Assign(targets=[ast.Tuple(elts=elements)], value=value):
                    self.constants |= {element.id: value for element in elements if isinstance(element, ast.Name)}
                case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is not None:
                    self.constants[name] = value
                case ast.ImportFrom(module=module, names=names, level=level):
                    base = self.name if hasattr(self.live, "__path__") else self.name.rpartition(".")[0]
                    for _ in range(level - 1):
                        base = base.rpartition(".")[0]
                    whole = (f"{base}.{module}" if module else base) if level else str(module)
                    self.imports |= {alias.asname or alias.name: (whole, alias.name) for alias in names}


class Writer:
    """Writes what is asked for, and whatever that needs, each once and before what uses it."""

    def __init__(self) -> None:
        self._modules: dict[str, Module] = {}
        self._written: dict[str, str] = {}  # functions and classes
        self._constants: dict[str, str] = {}  # in an order in which each may use those before
        self._waiting: list[tuple[Module, str]] = []
        self.plans: dict[str, Any] = {}

    def typescript(self, roots: Sequence[tuple[str, ...]], head: str) -> str:
        """The module that exports ``roots``: a module's name in the package, a name in it, and what it is called here
        where that is another."""
        exports = []
        for module, name, *other in roots:
            written = self.resolve(self.module(f"{PACKAGE}.{module}"), name)
            assert written is not None, f"{module} has no {name}"
            exports.append(f"export const {other[0] if other else name}: $.Value = {written};")
        while self._waiting:
            self._write(*self._waiting.pop(0))
        body = [self._written[name] for name in sorted(self._written)]
        return "\n".join([head, *body, *self._constants.values(), *exports, ""])

    def module(self, name: str) -> Module:
        if name not in self._modules:
            self._modules[name] = Module(name)
        return self._modules[name]

    def resolve(self, module: Module, name: str) -> str | None:
        """What ``name`` in ``module`` is called in the result, which then has it."""
        if name == "NomoatError":
            return "$.error"
        place = self._place(module, name)
        if place is None:
            return None
        of, name = place
        if of.name == BY_HAND:
            return f"portable.{_camel(name)}"
        key = f"{of.short}${name}"
        if name in of.constants:
            if key not in self._constants:
                self._write_constant(of, name, key)
        elif key not in self._written:
            self._written[key] = ""
            self._waiting.append((of, name))
        return key

    def _place(self, module: Module, name: str) -> tuple[Module, str] | None:
        """The module that defines it."""
        if name in module.functions or name in module.classes or name in module.constants:
            return module, name
        whole, original = module.imports.get(name, ("", ""))
        return self._place(self.module(whole), original) if whole.startswith(PACKAGE) else None

    def _names(self, module: Module) -> Names:
        return Names(
            lambda name: self.resolve(module, name), lambda name: self._signature(module, name), self._methods,
            module.short,
        )  # fmt: skip

    def _signature(self, module: Module, name: str) -> Signature | None:
        place = self._place(module, name)
        if place is None or place[1] in place[0].constants:
            return None
        of, name = place
        if name in of.functions:
            return signature_of(of.functions[name])
        return Signature(tuple(field for field, _ in self._fields(of, of.classes[name])), constructs=True)

    def _methods(self, name: str) -> list[Signature]:
        return [
            signature_of(method, method=True)
            for module in self._modules.values()
            for node in module.classes.values()
            if not _is_protocol(node)
            for method in node.body
            if isinstance(method, ast.FunctionDef) and method.name == name
        ]

    def _write(self, module: Module, name: str) -> None:
        key, translator = f"{module.short}${name}", Translator(self._names(module))
        if name in module.classes:
            self._written[key] = self._class(module, module.classes[name], key)
            return
        node = module.functions[name]
        decorators = [ast.unparse(d) for d in node.decorator_list]
        if decorators == ["cache"] and ast.unparse(node.returns or ast.Constant(None)) == "Plan":
            self._written[key] = self._plan(module, node, key)
            return
        node.decorator_list = [d for d in node.decorator_list if ast.unparse(d) != "cache"]
        self._written[key] = translator.function(node, key)

    def _plan(self, module: Module, node: ast.FunctionDef, key: str) -> str:
        names = signature_of(node).names
        for values in itertools.product(*(PLAN_ARGUMENTS.get(name, (False, True)) for name in names)):
            plan = getattr(module.live, node.name)(**dict(zip(names, values, strict=True)))
            self.plans[f"{node.name}{json.dumps(values, separators=(',', ':'))}"] = plan
        parameters = Translator(self._names(module))._parameters(node.args)
        return f"function {key}({parameters}) {{\nreturn $.plan({text_literal(node.name)}, [{', '.join(names)}]);\n}}"

    def _class(self, module: Module, node: ast.ClassDef, key: str) -> str:
        names, translator = self._names(module), Translator(self._names(module))
        fields = self._fields(module, node)
        methods = [n for n in node.body if isinstance(n, ast.FunctionDef)]
        own = next((method for method in methods if method.name == "__init__"), None)
        if own is not None:
            constructor = translator.function(own, "constructor", method=True)
        else:
            parameters = [
                f"{name}_" + ("" if default is None else f" = {Translator(names).expression(default)}")
                for name, default in fields
            ]
            body = " ".join(f"this.{name} = {name}_;" for name, _ in fields)
            constructor = f"constructor({', '.join(parameters)}) {{ {body} }}"
        listed = json.dumps([name for name, _ in fields])
        written = [
            translator.function(method, method.name, method=True)
            for method in methods
            if not method.name.startswith("__")
        ]
        return "\n".join([f"class {key} {{", f"static fields = {listed};", constructor, *written, "}"])

    def _fields(self, module: Module, node: ast.ClassDef) -> list[tuple[str, ast.expr | None]]:
        """Of a dataclass or a named tuple, its fields with their defaults; else the parameters of __init__."""
        for method in node.body:
            if isinstance(method, ast.FunctionDef) and method.name == "__init__":
                return [(name, None) for name in signature_of(method, method=True).names]
        fields: list[tuple[str, ast.expr | None]] = []
        for entry in node.body:
            if isinstance(entry, ast.AnnAssign) and isinstance(entry.target, ast.Name):
                default = entry.value
                if isinstance(default, ast.Call) and ast.unparse(default.func) == "field":
                    assert ast.unparse(default) == "field(default_factory=dict)", ast.unparse(entry)
                    default = ast.Dict([], [])
                fields.append((entry.target.id, default))
        return fields

    def _write_constant(self, module: Module, name: str, key: str) -> None:
        try:
            text = self._value(getattr(module.live, name))
        except NotInSubsetError:
            text = Translator(self._names(module)).expression(module.constants[name])
        self._constants[key] = f"const {key} = {text};"

    def _value(self, value: object) -> str:
        """A literal for a value."""
        match value:
            case None:
                return "null"
            case bool():
                return "true" if value else "false"
            case int():
                return repr(value)
            case float():
                return number_literal(value)
            case str():
                return text_literal(value)
            case list() | tuple():
                return f"[{', '.join(map(self._value, value))}]"
            case set() | frozenset():
                return f"new Set([{', '.join(map(self._value, sorted(value)))}])"
            case dict():
                pairs = (f"[{self._value(key)}, {self._value(item)}]" for key, item in value.items())
                return f"new Map([{', '.join(pairs)}])"
            case re.Pattern():
                flags = "i" if value.flags & re.IGNORECASE else ""
                return f"new $.Pattern({text_literal(value.pattern)}, {text_literal(flags)})"
            case FunctionType() if value.__module__.startswith(PACKAGE) and value.__name__ == value.__qualname__:
                found = self.resolve(self.module(value.__module__), value.__name__)
                if found is not None and "lambda" not in value.__name__:
                    return found
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            found = self.resolve(self.module(type(value).__module__), type(value).__name__)
            members = (self._value(getattr(value, field.name)) for field in dataclasses.fields(value))
            return f"new {found}({', '.join(members)})"
        raise NotInSubsetError(f"a constant of {type(value).__name__}")


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _is_protocol(node: ast.ClassDef) -> bool:
    return any(ast.unparse(base) in ("Protocol",) for base in node.bases)


def canonical_plans(plans: dict[str, Any]) -> Iterable[str]:
    """Lines of a JSON object, a plan each."""
    for name in sorted(plans):
        yield f"{json.dumps(name)}:{json.dumps(plans[name], separators=(',', ':'))}"
