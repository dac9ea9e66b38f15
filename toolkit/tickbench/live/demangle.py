"""Names of compiled numba functions as their author knows them: `module.function(int64, array(float64, 1d, C))`.

numba mangles them by the rules of the Itanium C++ ABI (5.1, https://itanium-cxx-abi.github.io/cxx-abi/abi.html): `_ZN`, the
parts of the qualified name each after its length, `B` and tags of the version, `E`, the types of the arguments.
"""

import re

_BUILTINS = {
    **{"b": "bool", "a": "int8", "h": "uint8", "s": "int16", "t": "uint16", "i": "int32", "j": "uint32"},
    **{"x": "int64", "y": "uint64", "f": "float32", "d": "float64", "v": ""},
}
_ESCAPED = re.compile(r"_([0-9a-f]{2})")
_SPECIAL = {"3c": "<", "3e": ">", "24": "$", "2e": ".", "5b": "[", "5d": "]", "20": " ", "2c": ","}
_WRAPPERS = ("cpython", "cfunc")


def demangle(name: str) -> str:
    """The readable name; what is not understood is left as it is."""
    for prefix in _WRAPPERS:
        if name.startswith(f"{prefix}."):
            return f"{demangle(name.removeprefix(f'{prefix}.'))} [{prefix} wrapper]"
    if not name.startswith("_ZN"):
        return name
    try:
        parts, rest = _qualified(name[3:])
        arguments = _arguments(rest)
    except (ValueError, IndexError, RecursionError):
        return name
    wrapper = parts.pop(0) if parts[0] in _WRAPPERS else ""
    shown = f"{'.'.join(parts)}({', '.join(arguments)})"
    return f"{shown} [{wrapper} wrapper]" if wrapper else shown


def _qualified(text: str) -> tuple[list[str], str]:
    """The parts of a qualified name, and what comes after its E."""
    parts: list[str] = []
    while text[0] != "E":
        if text[0] == "B":
            _, text = _counted(text[1:])
            continue
        part, text = _counted(text)
        parts.append(_unescaped(part))
    if not parts:
        raise ValueError("no name")
    return parts, text[1:]


def _arguments(text: str) -> list[str]:
    found: list[str] = []
    while text:
        one, text = _type(text)
        if one:
            found.append(one)
    return found


def _type(text: str) -> tuple[str, str]:
    if text[0] in _BUILTINS:
        return _BUILTINS[text[0]], text[1:]
    if text[0] == "L":  # a literal: its type and value, up to E
        value, _, rest = text[2:].partition("E")
        return value, rest
    name, text = _counted(text)
    if not text.startswith("I"):
        return _unescaped(name), text
    text, inner = text[1:], []
    while text[0] != "E":
        one, text = _type(text)
        inner.append(one)
    return _template(_unescaped(name), inner), text[1:]


def _template(name: str, inner: list[str]) -> str:
    if name == "Array" and len(inner) >= 3:
        return f"array({inner[0]}, {inner[1]}d, {inner[2]})"
    return f"{name}({', '.join(inner)})"


def _counted(text: str) -> tuple[str, str]:
    match = re.match(r"\d+", text)
    if match is None:
        raise ValueError(text)
    end = match.end() + int(match[0])
    if end > len(text):
        raise ValueError(text)
    return text[match.end() : end], text[end:]


def _unescaped(text: str) -> str:
    """Undo numba's escapes of letters that no C name may hold, as far as they cannot be part of a name."""
    return _ESCAPED.sub(lambda match: _SPECIAL.get(match[1], match[0]), text)
