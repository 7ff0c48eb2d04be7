"""The C code a model is extracted from: functions, macros and types by name, looked up as a compiler would."""

from collections.abc import Callable, Sequence

from patchscan.codebase.definition import Definition
from patchscan.codebase.file import File, is_no_name
from patchscan.codebase.remembered import Asked
from patchscan.codebase.treefiles import Texts
from patchscan.kconfig.configured import Config


class Codebase(Asked):
    """Functions, macros and types by name, looked up the way the compiler would see them, within a scope.

    read: path to bytes or None, or the texts that several share; files: searched after the file that asks, its direct
    includes and `changed`; arch: for <asm/...>; defining: (directory, function) to the files there that may define it,
    asked last; declaring: (structure, path that asks) to further files that may declare it, asked last.
    """

    def __init__(
        self,
        read: Callable[[str], bytes | None] | Texts,
        files: Sequence[str],
        config: Config,
        changed: Sequence[str] = (),
        arch: str = "x86",
        defining: Callable[[str, str], Sequence[str]] = lambda directory, name: (),
        declaring: Callable[[str, str], Sequence[str]] = lambda structure, near: (),
    ) -> None:
        super().__init__()
        self._seen = (read if isinstance(read, Texts) else Texts(read)).seen(config, arch)
        self.scope = (*changed, *files)
        self._arch = arch
        self._defining = defining
        self._declaring = declaring
        self.config = config
        self._orders: dict[str, tuple[File, ...]] = {}
        self._callees: dict[tuple[str, str], Definition | None] = {}
        self._functions: dict[tuple[str, str], Definition | None] = {}
        self._owns: dict[tuple[str, str], bool] = {}
        self._numbers: dict[tuple[str, str], int | None] = {}
        self._types: dict[tuple[str, str, str], str] = {}

    def file(self, path: str) -> File | None:
        """The file, indexed; None when the tree does not have it."""
        return self._seen.file(path)

    def order(self, near: str) -> tuple[File, ...]:
        """The files in which a name used in `near` is looked up, nearest first."""
        if near not in self._orders:
            nearest = self._seen.nearest(near)
            self._orders[near] = tuple(dict.fromkeys((*nearest, *filter(None, map(self.file, self.scope)))))
        return self._orders[near]

    def function(self, name: str, near: str) -> Definition | None:
        """The function that `name` calls in file `near`."""
        found = self._asked["function", name, near] = self._function(name, near)
        return found

    def _function(self, name: str, near: str) -> Definition | None:
        key = (name, near)
        if key not in self._functions:
            self._functions[key] = self._find_function(name, near)
        return self._functions[key]

    def _find_function(self, name: str, near: str) -> Definition | None:
        if is_no_name(name):
            return None
        definition, weak = self._seen.found(name, near)
        if definition is not None:
            return definition
        nearest = len(self._seen.nearest(near))
        definition, later = self._seen.among(name, near, self.order(near)[nearest:])
        return definition or weak or later

    def callee(self, name: str, near: str) -> Definition | None:
        """The function or function-like macro that `name` calls in file `near`."""
        key = (name, near)
        if key not in self._callees:
            self._callees[key] = self._find_callee(name, near)
        found = self._asked["callee", name, near] = self._callees[key]
        return found

    def _find_callee(self, name: str, near: str) -> Definition | None:
        definition = self._function(name, near) or self._find_macro(name, near)
        if definition is not None:
            return definition
        other = self._find_alias(name, near)
        return self._function(other, near) or self._find_macro(other, near) if other else None

    def _find_macro(self, name: str, near: str) -> Definition | None:
        for found in self.order(near):
            if name in found.defines and found.defines_macro(name):
                return found.macro(name)
        return None

    def _find_alias(self, name: str, near: str) -> str:
        others = (found.alias(name) for found in self.order(near) if name in found.defines)
        return next(filter(None, others), "")

    def alias(self, name: str, near: str) -> str:
        """The other name that a macro stands for, "" for anything else."""
        found = self._asked["alias", name, near] = self._find_alias(name, near)
        return found

    def written_out(self, name: str, near: str) -> Definition | None:
        """The macro without parameters of that name that calls something, or leaves where it stands."""
        others = (each.written_out(name) for each in self.order(near) if name in each.defines)
        found = self._asked["written_out", name, near] = next(filter(None, others), None)
        return found

    def own(self, name: str, near: str) -> bool:
        """Whether `near`, or a header beside it, has a static function or a macro of that name: no other is meant.

        Headers of include/ are where the kernel itself defines its names.
        """
        key = (name, near)
        if key not in self._owns:
            self._owns[key] = self._find_own(name, near)
        found = self._asked["own", name, near] = self._owns[key]
        return found

    def _find_own(self, name: str, near: str) -> bool:
        return any(_keeps(each, name) for each in self._beside(near))

    def redefined(self, name: str, near: str) -> bool:
        """Whether a macro below the function that `name` calls in file `near` has its name: which is meant depends."""
        found = any(each.redefines(name) for each in self._beside(near))
        self._asked["redefined", name, near] = found
        return found

    def replaced(self, name: str, near: str) -> bool:
        """Whether a macro in `near`, or in a header beside it, may mean something else by a name of the kernel's."""
        found = any(each.replaces(name) or each.left_out(name) for each in self._beside(near))
        self._asked["replaced", name, near] = found
        return found

    def _beside(self, near: str) -> tuple[File, ...]:
        """A file, and the headers beside it; not those of include/, where the kernel itself defines its names."""
        directory = near.rpartition("/")[0]
        if "include" in directory.split("/"):
            return ()
        headers = (each for each in self.order(near) if each.path.endswith(".h"))
        mine = (each for each in headers if each.path.rpartition("/")[0] == directory)
        return tuple(dict.fromkeys((*filter(None, [self.file(near)]), *mine)))

    def comes_apart(self, name: str, near: str) -> bool:
        """Whether what a macro without parameters stands for may come apart beside an operator."""
        first = next((each for each in self.order(near) if name in each.defines), None)
        found = self._asked["comes_apart", name, near] = first is not None and first.comes_apart(name)
        return found

    def overridable(self, name: str, near: str) -> bool:
        """Whether what `name` calls in file `near` is weak: another file may define it, too."""
        definition = self.callee(name, near)
        file = self.file(definition.path) if definition is not None else None
        found = file is not None and file.has_function(name) and file.is_weak(name)
        self._asked["overridable", name, near] = found
        return found

    def elsewhere(self, name: str, near: str) -> Definition | None:
        """The function or macro outside the scope: in the directories of the scope's .c files, in headers."""
        # By the directory that asks, for that is searched, too.
        key = (name, f"{near.rpartition('/')[0]}/" if near.endswith(".c") else "/")
        if key not in self._functions:
            self._functions[key] = self._find_elsewhere(name, near)
        found = self._asked["elsewhere", name, near] = self._functions[key]
        return found

    def _find_elsewhere(self, name: str, near: str) -> Definition | None:
        outside = sorted({path.rpartition("/")[0] for path in (near, *self.scope) if path.endswith(".c")})
        headers = ("include/linux", "include/asm-generic", f"arch/{self._arch}/include/asm")
        for directory in (*outside, *headers):
            for path in self._defining(directory, name):
                found = self.file(path)
                if found is None:
                    continue
                if found.has_function(name) and (path.endswith(".h") or not found.is_static(name)):
                    return found.function(name)
                if path.endswith(".h") and found.defines_macro(name):
                    return found.macro(name)
        return None

    def configured(self, symbol: str) -> int:
        """The value of a symbol of the configuration."""
        found = self._asked["configured", symbol] = self.config.value(symbol)
        return found

    def constant(self, name: str, near: str) -> int | None:
        """The number an object-like macro stands for."""
        key = (name, near)
        if key not in self._numbers:
            self._numbers[key] = self._find_number(name, near)
        found = self._asked["constant", name, near] = self._numbers[key]
        return found

    def _find_number(self, name: str, near: str) -> int | None:
        for found in self.order(near):
            value = found.constant(name) if name in found.defines else None
            if value is not None:
                return value
        return None

    def global_type(self, name: str, near: str) -> str:
        """The type of a global or per-CPU variable, "" when it is not found."""
        key = ("", name, near)
        if key not in self._types:
            self._types[key] = self._find_global_type(name, near)
        found = self._asked["global_type", name, near] = self._types[key]
        return found

    def _find_global_type(self, name: str, near: str) -> str:
        for found in self.order(near):
            if name in found.globals:
                return found.globals[name]
        return ""

    def field_type(self, structure: str, name: str, near: str) -> str:
        """The type of a structure's field, "" when it is not found."""
        key = (structure, name, near)
        if key not in self._types:
            self._types[key] = self._find_field_type(structure, name, near)
        found = self._asked["field_type", structure, name, near] = self._types[key]
        return found

    def _find_field_type(self, structure: str, name: str, near: str) -> str:
        found = self._declared(structure, near)
        members = found.members(structure) if found is not None else None
        return members.get(name, "") if members is not None else ""

    def on_stack(self, structure: str, near: str) -> bool:
        """Whether functions of the files that `near` sees declare variables of a structure: it is its caller's own."""
        seen = (each for each in self.order(near) if each.path.endswith(".c"))
        found = self._asked["on_stack", structure, near] = any(structure in each.on_stack for each in seen)
        return found

    def sets(self, member: str, near: str) -> bool:
        """Whether a file of code that `near` sees sets a member of that name."""
        seen = (each for each in self.order(near) if each.path.endswith(".c"))
        found = self._asked["sets", member, near] = any(member in each.sets for each in seen)
        return found

    def fields(self, structure: str, near: str) -> tuple[str, ...]:
        """The members of a structure in their order, () where it is not found or has others inside of it."""
        declares = self._declared(structure, near)
        found = declares.in_order(structure) if declares is not None else None
        self._asked["fields", structure, near] = found or ()
        return found or ()

    def _declared(self, structure: str, near: str) -> File | None:
        """The file that declares a structure."""
        for found in self.order(near):
            if found.members(structure) is not None:
                return found
        for path in self._declaring(structure, near):
            other = self.file(path)
            if other is not None and other.members(structure) is not None:
                return other
        return None


def _keeps(file: File, name: str) -> bool:
    """Whether a file has a function or macro that no other file means by that name."""
    if file.has_function(name):
        return file.is_static(name)
    return name in file.defines and file.defines_macro(name)
