"""Translates functions and classes of a subset of Python to TypeScript, statement by statement.

The subset is what rules over dictionaries, lists and text are written in: no exceptions caught, no inheritance, no
decorators but @dataclass, @property and @cache. Whatever is not in it is an error here, never a guess. Where the two
languages differ (truth, equality, ``in``, ``|``, division, text by characters) the result calls a function of
runtime/src/import/python.ts, here ``$.name``.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

NAMED = {"True": "true", "False": "false", "None": "null"}
BUILTINS = frozenset({
    "abs", "all", "any", "bool", "dict", "divmod", "enumerate", "float", "frozenset", "int", "isinstance", "len",
    "list", "map", "max", "min", "next", "range", "repr", "reversed", "round", "set", "sorted", "str", "sum", "tuple",
    "type", "zip", "groupby", "pairwise", "replace",
})  # fmt: skip
# Methods of text, lists, dictionaries, sets and patterns.
METHODS = frozenset({
    "get", "items", "keys", "values", "setdefault", "pop", "append", "extend", "join", "startswith", "endswith",
    "replace", "split", "rpartition", "partition", "count", "lower", "isascii", "isalpha", "index", "add", "sort",
    "encode", "is_integer", "match", "fullmatch", "sub", "fromkeys", "union", "strip", "rsplit", "upper",
})  # fmt: skip
KEYWORDS_OF_BUILTINS = {
    "sorted": ("key", "reverse"), "min": ("key", "default"), "max": ("key", "default"), "sort": ("key", "reverse"),
    "next": (), "zip": ("strict",), "groupby": ("key",), "enumerate": ("start",),
}  # fmt: skip
# Types that values are asked for; lists and tuples are the same.
TYPES = {
    "bool": "bool", "int": "int", "float": "float", "str": "str", "list": "list", "tuple": "list", "dict": "dict",
    "Mapping": "dict", "Sequence": "list",
}  # fmt: skip
MODULES = {"math", "re", "json", "warnings", "base64"}
COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
ORDER = {ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge"}
OPERATORS = {
    ast.Add: "plus", ast.Sub: "minus", ast.Mult: "times", ast.BitOr: "union", ast.BitAnd: "intersection",
    ast.FloorDiv: "floorDivide", ast.Mod: "modulo", ast.Pow: "power", ast.LShift: "shiftLeft",
}  # fmt: skip
RESERVED = {"default", "function", "new", "var", "let", "const", "in", "of", "delete", "switch", "case", "this", "with"}


class NotInSubsetError(Exception):
    """A construct that this translator does not know: write the rule otherwise, or teach it."""


@dataclass(frozen=True)
class Signature:
    """Parameters in order, without self. ``rest``: the name of **parameters; ``constructs``: it is a class's."""

    names: tuple[str, ...]
    rest: str | None = None
    constructs: bool = False


@dataclass
class Names:
    """What the translator asks about names: how they are written, and what is called by them."""

    resolve: Callable[[str], str | None]  # a name of the module -> TypeScript, None where it has no such name
    signature: Callable[[str], Signature | None]  # of a function or class of the module
    methods: Callable[[str], list[Signature]]  # of every class that has such a method
    module: str = ""


def signature_of(node: ast.FunctionDef | ast.Lambda, *, method: bool = False) -> Signature:
    a = node.args
    names = [arg.arg for arg in (*a.posonlyargs, *a.args)][1 if method else 0 :] + [arg.arg for arg in a.kwonlyargs]
    return Signature(tuple(names), a.kwarg.arg if a.kwarg else None)


class Translator(ast.NodeVisitor):
    """One function, or one expression."""

    def __init__(self, names: Names, local: Sequence[str] = ()) -> None:
        self.names = names
        self.local: list[set[str]] = [set(local)]

    # Functions and classes.

    def function(self, node: ast.FunctionDef, name: str, *, method: bool = False, arrow: bool = False) -> str:
        """``arrow``: one within another, which has the ``this`` of that."""
        decorators = [ast.unparse(d) for d in node.decorator_list]
        assert not set(decorators) - {"property", "staticmethod"}, f"{node.name} is decorated with {decorators}"
        star = "*" if _yields(node) else ""
        head = f"get {name}" if "property" in decorators else (f"{star}{name}" if method else f"function{star} {name}")
        own = {arg.arg for arg in ast.walk(node.args) if isinstance(arg, ast.arg)} | ({"self"} if method else set())
        assigned = _assigned(node.body)
        inner = {child.name for child in node.body if isinstance(child, ast.FunctionDef)}
        self.local.append(own | assigned | inner)
        parameters = self._parameters(node.args, method=method)
        declared = sorted(assigned - own)
        lines = [f"let {', '.join(map(_safe, declared))};"] if declared else []
        if node.args.kwarg:
            lines.append(f"{_safe(node.args.kwarg.arg)} ??= new Map();")
        lines += self._block(node.body)
        self.local.pop()
        assert not (arrow and star), f"{node.name} is a generator within a function"
        begin = f"({parameters}) => {{" if arrow else f"{head}({parameters}) {{"
        return "\n".join([begin, *lines, "}"])

    def _parameters(self, a: ast.arguments, *, method: bool = False) -> str:
        positional = [*a.posonlyargs, *a.args]
        defaults: list[ast.expr | None] = [None] * (len(positional) - len(a.defaults)) + list(a.defaults)
        pairs = list(zip(positional, defaults, strict=True))[1 if method else 0 :]
        pairs += list(zip(a.kwonlyargs, a.kw_defaults, strict=True))
        written = [_safe(p.arg) + (f" = {self.expression(d)}" if d is not None else "") for p, d in pairs]
        if a.kwarg:
            written.append(_safe(a.kwarg.arg))
        if a.vararg:
            written.append(f"...{_safe(a.vararg.arg)}")
        return ", ".join(written)

    def lambda_(self, node: ast.Lambda) -> str:
        self.local.append({arg.arg for arg in node.args.args})
        text = f"({self._parameters(node.args)}) => {self.expression(node.body)}"
        self.local.pop()
        return f"({text})"

    # Statements.

    def _block(self, body: Sequence[ast.stmt]) -> list[str]:
        return [line for statement in body for line in self._statement(statement)]

    def _statement(self, node: ast.stmt) -> list[str]:
        match node:
            case ast.Expr(value=ast.Constant()):
                return []  # a docstring
            case ast.Expr(value=ast.Yield(value=ast.expr() as value)):
                return [f"yield {self.expression(value)};"]
            case ast.Expr(value=ast.YieldFrom(value=value)):
                return [f"yield* $.iterate({self.expression(value)});"]
            case ast.Expr(value=value):
                return [f"{self.expression(value)};"]
            case ast.Return(value=value):
                return ["return null;" if value is None else f"return {self.expression(value)};"]
            case ast.Raise(exc=ast.expr() as exc):
                return [f"throw {self.expression(exc)};"]
            case ast.Assert():
                return []
            case ast.Pass():
                return []
            case ast.Continue():
                return ["continue;"]
            case ast.Assign(targets=targets, value=value) if len(targets) == 1:
                return [self._assign(targets[0], self.expression(value))]
            case ast.AnnAssign(target=target, value=value):
                return [] if value is None else [self._assign(target, self.expression(value))]
            case ast.AugAssign(target=target, op=op, value=value):
                name = "extend" if isinstance(op, ast.Add) else OPERATORS[type(op)]
                return [self._assign(target, f"$.{name}({self.expression(target)}, {self.expression(value)})")]
            case ast.If(test=test, body=body, orelse=orelse):
                lines = [f"if ({self.condition(test)}) {{", *self._block(body)]
                return [*lines, *(["} else {", *self._block(orelse)] if orelse else []), "}"]
            case ast.While(test=test, body=body, orelse=[]):
                return [f"while ({self.condition(test)}) {{", *self._block(body), "}"]
            case ast.For(target=target, iter=iterable, body=body, orelse=[]):
                head = f"for ({self._target(target)} of $.iterate({self.expression(iterable)})) {{"
                return [head, *self._block(body), "}"]
            case ast.Delete(targets=[ast.Subscript(value=value, slice=index)]):
                return [f"$.remove({self.expression(value)}, {self.expression(index)});"]
            case ast.FunctionDef(name=name):
                return [f"const {_safe(name)} = {self.function(node, '', arrow=True)};"]
            case ast.Match(subject=subject, cases=cases):
                return self._match(subject, cases)
        raise NotInSubsetError(f"{self.names.module}:{node.lineno}: {ast.unparse(node)[:80]}")

    def _match(self, subject: ast.expr, cases: Sequence[ast.match_case]) -> list[str]:
        lines = []
        for case in cases:
            if not isinstance(case.pattern, ast.MatchValue) or case.guard is not None:
                raise NotInSubsetError(f"{self.names.module}: a case of match must be a value")
            value = self.expression(case.pattern.value)
            lines += [f"if ($.equal({self.expression(subject)}, {value})) {{", *self._block(case.body), "} else"]
        return [*lines, "{}"]

    def _assign(self, target: ast.expr, value: str) -> str:
        match target:
            case ast.Subscript(value=of, slice=index):
                return f"$.put({self.expression(of)}, {self.expression(index)}, {value});"
            case ast.Tuple():
                return f"{self._target(target)} = $.iterate({value});"
        return f"{self._target(target)} = {value};"

    def _target(self, node: ast.expr) -> str:
        match node:
            case ast.Name(id=name):
                return _safe(name)
            case ast.Attribute(value=value, attr=attr):
                return f"{self.expression(value)}.{attr}"
            case ast.Starred(value=value):
                return f"...{self._target(value)}"
            case ast.Tuple(elts=elements):
                return "[" + ", ".join(map(self._target, elements)) + "]"
            case ast.Subscript(value=ast.Name()):
                raise NotInSubsetError("an element as one of several targets")
        raise NotInSubsetError(f"{self.names.module}: the target {ast.unparse(node)}")

    # Expressions.

    def condition(self, node: ast.expr) -> str:
        """What an ``if`` asks."""
        match node:
            case ast.BoolOp(op=op, values=values):
                sign = " && " if isinstance(op, ast.And) else " || "
                return "(" + sign.join(map(self.condition, values)) + ")"
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return f"!{self.condition(operand)}"
        text = self.expression(node)
        return text if _is_boolean(node) else f"$.truth({text})"

    def expression(self, node: ast.expr) -> str:
        match node:
            case ast.Constant(value=value):
                return self._constant(value)
            case ast.Name(id=name):
                return self._name(name)
            case ast.Attribute(value=ast.Name(id=module), attr=attr) if self._is_module(module):
                return f"$.{module}.{attr}"
            case ast.Attribute(value=value, attr=attr):
                return f"{self.expression(value)}.{attr}"
            case ast.Call():
                return self._call(node)
            case ast.BinOp():
                return self._binary(node)
            case ast.BoolOp(op=op, values=values):
                if all(map(_is_boolean, values)):
                    return self.condition(node)
                name = "both" if isinstance(op, ast.And) else "either"
                rest = ", ".join(f"() => {self.expression(value)}" for value in values)
                return f"$.{name}({rest})"
            case ast.UnaryOp(op=ast.Not()):
                return self.condition(node)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return f"-{self.expression(operand)}"
            case ast.Compare():
                return self._compare(node)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return f"({self.condition(test)} ? {self.expression(body)} : {self.expression(orelse)})"
            case ast.JoinedStr(values=values):
                return self._text(values)
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                return "[" + ", ".join(map(self._element, elements)) + "]"
            case ast.Set(elts=elements):
                return "new Set([" + ", ".join(map(self._element, elements)) + "])"
            case ast.Dict(keys=keys, values=values):
                pairs = (
                    f"...{self.expression(value)}" if key is None
                    else f"[{self.expression(key)}, {self.expression(value)}]"
                    for key, value in zip(keys, values, strict=True)
                )  # fmt: skip
                return f"new Map([{', '.join(pairs)}])"
            case ast.Subscript(value=value, slice=ast.Slice(lower=low, upper=high, step=None)):
                ends = (self.expression(end) if end else "null" for end in (low, high))
                return f"$.slice({self.expression(value)}, {', '.join(ends)})"
            case ast.Subscript(value=value, slice=index):
                return f"$.item({self.expression(value)}, {self.expression(index)})"
            case (
                ast.ListComp(elt=element, generators=generators) | ast.GeneratorExp(elt=element, generators=generators)
            ):
                return self._comprehension(generators, "[]", lambda: f"$r.push({self.expression(element)});")
            case ast.SetComp(elt=element, generators=generators):
                return self._comprehension(generators, "new Set()", lambda: f"$r.add({self.expression(element)});")
            case ast.DictComp(key=key, value=value, generators=generators):
                made = lambda: f"$r.set({self.expression(key)}, {self.expression(value)});"  # noqa: E731
                return self._comprehension(generators, "new Map()", made)
            case ast.Lambda():
                return self.lambda_(node)
            case ast.NamedExpr(target=target, value=value):
                return f"({_safe(target.id)} = {self.expression(value)})"
        raise NotInSubsetError(f"{self.names.module}:{node.lineno}: {ast.unparse(node)[:80]}")

    def _is_module(self, name: str) -> bool:
        return name in MODULES and not any(name in scope for scope in self.local)

    def _element(self, node: ast.expr) -> str:
        if isinstance(node, ast.Starred):
            return f"...$.iterate({self.expression(node.value)})"
        return self.expression(node)

    def _constant(self, value: object) -> str:
        if value is None or isinstance(value, bool):
            return NAMED[str(value)]
        if isinstance(value, str):
            return text_literal(value)
        if isinstance(value, bytes):
            return f"new Uint8Array({json.dumps(list(value))})"
        if isinstance(value, int | float):
            return repr(value) if isinstance(value, int) else number_literal(value)
        raise NotInSubsetError(f"{self.names.module}: the constant {value!r}")

    def _name(self, name: str) -> str:
        if any(name in scope for scope in self.local):
            return "this" if name == "self" else _safe(name)
        found = self.names.resolve(name)
        if found is not None:
            return found
        if name in BUILTINS:
            return f"$.{name}"
        raise NotInSubsetError(f"{self.names.module}: the name {name}")

    def _comprehension(self, generators: Sequence[ast.comprehension], start: str, made: Callable[[], str]) -> str:
        lines, ends = [f"const $r = {start};"], 0
        for generator in generators:
            iterable = self.expression(generator.iter)
            self.local.append(_assigned_by(generator.target))
            lines.append(f"for (const {self._target(generator.target)} of $.iterate({iterable})) {{")
            ends += 1
            for test in generator.ifs:
                lines.append(f"if ({self.condition(test)}) {{")
                ends += 1
        lines.append(made())
        for _ in generators:
            self.local.pop()
        return "(() => { " + " ".join(lines) + " }" * ends + " return $r; })()"

    def _text(self, values: Sequence[ast.expr]) -> str:
        pieces = []
        for value in values:
            if isinstance(value, ast.Constant):
                pieces.append(text_literal(str(value.value)))
            elif isinstance(value, ast.FormattedValue):
                inner = self.expression(value.value)
                if value.format_spec is not None:
                    spec = self.expression(value.format_spec)
                    pieces.append(f"$.format({inner}, {spec})")
                else:
                    pieces.append(f"$.{'repr' if value.conversion == ord('r') else 'str'}({inner})")
        return "(" + " + ".join(pieces) + ")" if pieces else '""'

    def _binary(self, node: ast.BinOp) -> str:
        folded = _folded(node)
        if folded is not None:
            return self._constant(folded)
        left, right = self.expression(node.left), self.expression(node.right)
        if isinstance(node.op, ast.Div):
            return f"({left} / {right})"
        if type(node.op) not in OPERATORS:
            raise NotInSubsetError(f"{self.names.module}:{node.lineno}: {ast.unparse(node)}")
        return f"$.{OPERATORS[type(node.op)]}({left}, {right})"

    def _compare(self, node: ast.Compare) -> str:
        operands = [node.left, *node.comparators]
        if len(operands) > 2 and not all(map(_may_be_read_twice, operands[1:-1])):
            raise NotInSubsetError(f"{self.names.module}:{node.lineno}: the chain {ast.unparse(node)}")
        parts = [
            self._comparison(operator, left, right)
            for operator, left, right in zip(node.ops, operands, operands[1:], strict=False)
        ]
        return parts[0] if len(parts) == 1 else "(" + " && ".join(parts) + ")"

    def _comparison(self, operator: ast.cmpop, left: ast.expr, right: ast.expr) -> str:
        a, b = self.expression(left), self.expression(right)
        match operator:
            case ast.Is() if _is_none(right):
                return f"({a} == null)"
            case ast.IsNot() if _is_none(right):
                return f"({a} != null)"
            case ast.Is():
                return f"({a} === {b})"
            case ast.IsNot():
                return f"({a} !== {b})"
            case ast.Eq():
                return f"$.equal({a}, {b})"
            case ast.NotEq():
                return f"!$.equal({a}, {b})"
            case ast.In():
                return f"$.contains({b}, {a})"
            case ast.NotIn():
                return f"!$.contains({b}, {a})"
        if isinstance(left, ast.Constant) or isinstance(right, ast.Constant):
            return f"({a} {COMPARISONS[type(operator)]} {b})"
        return f"$.{ORDER[type(operator)]}({a}, {b})"

    # Calls.

    def _call(self, node: ast.Call) -> str:
        function = node.func
        if isinstance(function, ast.Name) and not any(function.id in scope for scope in self.local):
            return self._named_call(function.id, node)
        if isinstance(function, ast.Attribute):
            if isinstance(function.value, ast.Name) and self._is_module(function.value.id):
                if function.value.id == "warnings":
                    return f"$.warn({self.expression(node.args[0])})"
                return f"$.{function.value.id}.{function.attr}({self._positional(node, ())})"
            return self._method(function, node)
        return f"{self.expression(function)}({self._positional(node, ())})"

    def _named_call(self, name: str, node: ast.Call) -> str:
        resolved = self.names.resolve(name)
        if resolved == "$.error":
            code, message = map(self.expression, node.args)
            return f"$.error({code}, {message}, {self._keywords(node.keywords)})"
        if resolved is None and name == "isinstance":
            return self._isinstance(*node.args)
        if resolved is None and name in BUILTINS:
            if name == "replace":
                return f"$.replace({self.expression(node.args[0])}, {self._keywords(node.keywords)})"
            if name == "dict" and node.keywords:
                return self._keywords(node.keywords)
            return f"$.{name}({self._positional(node, KEYWORDS_OF_BUILTINS.get(name, ()))})"
        if resolved is None:
            raise NotInSubsetError(f"{self.names.module}:{node.lineno}: {name} is called")
        signature = self.names.signature(name)
        if signature is None:  # of a function that is written by hand, or a value
            return f"{resolved}({self._positional(node, ())})"
        new = "new " if signature.constructs else ""
        return self._with_signature(f"{new}{resolved}", signature, node)

    def _method(self, function: ast.Attribute, node: ast.Call) -> str:
        of, name = self.expression(function.value), function.attr
        signatures = self.names.methods(name)
        if name in METHODS and not signatures:
            return f"$.{name}({of}{self._more(node, KEYWORDS_OF_BUILTINS.get(name, ()))})"
        if name in METHODS:  # One of ours, or of a dictionary: told apart when it runs.
            assert not node.keywords, f"{name} is also a method of a built-in type, so it takes no keywords"
            return f"$.{name}({of}{self._more(node, ())})"
        if not node.keywords and not any(isinstance(arg, ast.Starred) for arg in node.args):
            return f"{of}.{name}({self._positional(node, ())})"
        given = {keyword.arg for keyword in node.keywords}
        signatures = [one for one in signatures if one.rest is not None or given <= set(one.names)]
        if len(set(signatures)) != 1:
            raise NotInSubsetError(f"{self.names.module}:{node.lineno}: {len(signatures)} methods are called {name}")
        return self._with_signature(f"{of}.{name}", signatures[0], node)

    def _more(self, node: ast.Call, keywords: Sequence[str]) -> str:
        rest = self._positional(node, keywords)
        return f", {rest}" if rest else ""

    def _positional(self, node: ast.Call, keywords: Sequence[str]) -> str:
        given = [self._element(arg) for arg in node.args]
        named = {keyword.arg: keyword.value for keyword in node.keywords}
        unknown = set(named) - set(keywords)
        if unknown:
            raise NotInSubsetError(f"{self.names.module}:{node.lineno}: keywords {unknown} of {ast.unparse(node.func)}")
        if named.keys() - {"strict"}:
            options = ", ".join(f"{name}: {self.expression(named[name])}" for name in keywords if name in named)
            given.append(f"$.options({{ {options} }})")
        return ", ".join(given)

    def _with_signature(self, callee: str, signature: Signature, node: ast.Call) -> str:
        if any(keyword.arg is None for keyword in node.keywords) and signature.rest is None:
            # **values into named parameters
            names = json.dumps(list(signature.names))
            positional = ", ".join(self._element(arg) for arg in node.args)
            return f"{callee}(...$.spread([{positional}], {names}, {self._keywords(node.keywords)}))"
        given = [self._element(arg) for arg in node.args]
        named = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg in signature.names}
        rest = [keyword for keyword in node.keywords if keyword.arg not in signature.names]
        if rest and signature.rest is None:
            raise NotInSubsetError(f"{self.names.module}:{node.lineno}: {callee} takes no {rest[0].arg}")
        last = max((signature.names.index(str(name)) for name in named), default=-1)
        for position in range(len(given), last + 1):
            value = named.get(signature.names[position])
            given.append("undefined" if value is None else self.expression(value))
        if rest:
            given += ["undefined"] * (len(signature.names) - len(given))
            given.append(self._keywords(rest))
        return f"{callee}({', '.join(given)})"

    def _keywords(self, keywords: Sequence[ast.keyword]) -> str:
        pairs = [
            f"...{self.expression(k.value)}"
            if k.arg is None
            else f"[{text_literal(k.arg)}, {self.expression(k.value)}]"
            for k in keywords
        ]
        return f"new Map([{', '.join(pairs)}])"

    def _isinstance(self, value: ast.expr, types: ast.expr) -> str:
        names = [ast.unparse(t) for t in _alternatives(types)]
        tests = []
        for name in names:
            resolved = self.names.resolve(name)
            if resolved is None and name not in TYPES:
                raise NotInSubsetError(f"{self.names.module}:{value.lineno}: isinstance of {name}")
            tests.append(resolved if resolved is not None else f'"{TYPES[name]}"')
        return f"$.isinstance({self.expression(value)}, {', '.join(tests)})"


def text_literal(value: str) -> str:
    """ASCII, so that nothing that looks like something else stands in the file."""
    return json.dumps(value)


def number_literal(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        raise NotInSubsetError(f"the number {value}")
    return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _safe(name: str) -> str:
    return f"{name}_" if name in RESERVED else name


def _alternatives(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _alternatives(node.left) + _alternatives(node.right)
    return list(node.elts) if isinstance(node, ast.Tuple) else [node]


def _folded(node: ast.expr) -> int | float | None:
    """The value of arithmetic on literal numbers."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, int | float) and not isinstance(node.value, bool) else None
    if isinstance(node, ast.BinOp):
        left, right = _folded(node.left), _folded(node.right)
        if left is not None and right is not None:
            value = eval(compile(ast.Expression(node), "", "eval"))  # literal numbers only
            return value if isinstance(value, int | float) else None
    return None


def _may_be_read_twice(node: ast.expr) -> bool:
    match node:
        case ast.Call(func=ast.Name(id="len" | "abs"), args=[inner]):
            return _may_be_read_twice(inner)
    return isinstance(node, ast.Name | ast.Attribute | ast.Constant)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_boolean(node: ast.expr) -> bool:
    """Whether the expression is true or false and nothing else."""
    match node:
        case ast.Compare() | ast.UnaryOp(op=ast.Not()):
            return True
        case ast.Constant(value=value):
            return isinstance(value, bool)
        case ast.BoolOp(values=values):
            return all(map(_is_boolean, values))
        case ast.Call(func=ast.Name(id=name)):
            return name in ("isinstance", "any", "all", "bool")
        case ast.Call(func=ast.Attribute(attr=name)):
            return name in ("startswith", "endswith", "isfinite", "isascii", "isalpha", "is_integer")
    return False


def _yields(node: ast.FunctionDef) -> bool:
    return any(isinstance(child, ast.Yield | ast.YieldFrom) for child in ast.walk(node))


def _assigned(body: Sequence[ast.stmt]) -> set[str]:
    """Names that a function's own statements bind, without those of functions and comprehensions in it."""
    found: set[str] = set()

    def walk(node: ast.AST) -> None:
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            return
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            for child in ast.walk(node):
                if isinstance(child, ast.NamedExpr):
                    found.add(child.target.id)
            return
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        for child in ast.iter_child_nodes(node):
            walk(child)

    for statement in body:
        walk(statement)
    return found


def _assigned_by(target: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}
