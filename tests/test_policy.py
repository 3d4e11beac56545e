"""Policy of the source code: which module may import which, and what must not happen anywhere.

Each test visits every source file and names the offenders.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from session import VERSION

ROOT = Path(__file__).parent.parent
PACKAGES = ("session", "models", "training", "page")
SCRIPT = ROOT / "session_explorer_gradio.py"
SOURCES = [SCRIPT, *(path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))]

MAX_FILES_IN_A_FOLDER = 20
MAX_SCRIPT_LINES = 650
MAX_FUNCTION_LINES = 60
MAX_PAGE_PROTOCOLS = 0
MAY_CATCH_ALL = {"training/checkpoints/reader.py", "training/jobs/job.py", "training/jobs/loop.py"}
COMMANDS = {"session/record/__main__.py"}  # a command writes its answer to standard output

# Packages that each package must not import.
FORBIDDEN_IMPORTS = {
    "session": {"models", "training", "page", "gradio", "session_explorer_gradio"},
    "models": {"session", "training", "page", "gradio", "wandb", "session_explorer_gradio"},
    "training": {"page", "gradio", "session_explorer_gradio"},
    "page": {"torch", "session_explorer_gradio"},
}
# Inside a package: modules and subfolders by layer. A module imports its own layer and those above it in this list.
LAYERS = {
    "session": (
        {"command_line", "commit", "errors", "files", "pictures", "skipped", "spread"},
        {"frames", "history", "robots"},
        {"recording", "summary", "batch", "formats"},
        {
            "jsonl_format",
            "donkeycar_format",
            "lerobot_format",
            "ground_truth",
            "marks",
            "statistics",
            "statistics_figures",
        },
        {"loading"},
        {"listing", "data_folder"},
        {"cache"},
        {"recorder"},
        {"record", "export", "doctor"},
    ),
    "models": ({"*"}, {"introspection"}),
    "training": (
        {"config", "distributed", "rate", "references", "values"},
        {"optim", "dataset"},
        {"steps", "options"},
        {"recipe", "failures"},
        {"checkpoints"},
        {"jobs", "evaluation"},
        {"backend", "online"},
        {"cli"},
        {"train", "learn", "live", "truth", "skill", "evaluate", "convert"},
    ),
    "page": ({"*"}, {"tabs", "server", "agents", "reports"}, {"opening", "status"}, {"ticks"}),
}
# Neighbours in a layer that do not know each other.
SEPARATE = ({"jobs", "evaluation"}, {"tabs", "server"})
# The page sees what another package offers at its top, and modules that draw its results.
FACES = ("session", "models", "training")


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module_of(path: Path) -> str:
    return name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


MODULES = {module_of(path): path for path in SOURCES}


def nodes(*kinds: type[ast.AST]) -> Iterator[tuple[Path, ast.AST]]:
    """All nodes of these kinds, with their files."""
    return ((path, node) for path in SOURCES for node in ast.walk(parsed(path)) if isinstance(node, kinds))


@cache
def imports(path: Path) -> frozenset[str]:
    """Dotted names of everything that a file imports; of our own packages, modules only."""
    names = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            full = {alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            names |= {full[name] if full[name] in MODULES else node.module for name in full}
    return frozenset(names)


def layer(module: str) -> tuple[int, str]:
    """Index of a module's layer in its package, and its name there; the face of a package stands above all layers."""
    package, _, rest = module.partition(".")
    part, layers = rest.partition(".")[0], LAYERS[package]
    if not part:
        return len(layers), ""
    known = [index for index, parts in enumerate(layers) if part in parts]
    others = [index for index, parts in enumerate(layers) if "*" in parts]
    assert known or others, f"{module} has no layer: add it to LAYERS"
    return (known or others)[0], part


def test_no_arrow_between_packages_points_back():
    offenders = [
        f"{name_of(path)} imports {name}"
        for path in SOURCES
        for name in imports(path)
        if name.split(".")[0] in FORBIDDEN_IMPORTS.get(module_of(path).split(".")[0], set())
    ]
    assert not offenders


def test_no_arrow_inside_a_package_points_back():
    offenders = []
    for module, path in MODULES.items():
        package = module.split(".")[0]
        for name in imports(path):
            if name.split(".")[0] != package or package not in LAYERS:
                continue
            (own, part), (other, neighbour) = layer(module), layer(name)
            if other > own or {part, neighbour} in SEPARATE:
                offenders.append(f"{module} imports {name}")
    assert not offenders


def test_no_modules_import_each_other_in_a_circle():
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, f"a circle: {' -> '.join((*trail[trail.index(module) :], module))}"
        if module not in done:
            for name in sorted(imports(MODULES[module]) & MODULES.keys()):
                visit(name, (*trail, module))
            done.add(module)

    for module in MODULES:
        visit(module, ())


def test_the_page_imports_the_faces_of_other_packages_and_their_figures():
    offenders = [
        f"{name_of(path)} imports {name}"
        for path in SOURCES
        if module_of(path).startswith("page.")
        for name in imports(path)
        if name.split(".")[0] in FACES and name not in FACES and not name.endswith("figures")
    ]
    assert not offenders


def test_the_script_holds_no_tensors_and_stays_short():
    assert "torch" not in {name.split(".")[0] for name in imports(SCRIPT)}
    assert len(SCRIPT.read_text(encoding="utf-8").splitlines()) <= MAX_SCRIPT_LINES


def test_the_script_states_for_uv_what_requirements_and_the_project_state():
    block = re.search(r"^# /// script\n(.*?)^# ///$", SCRIPT.read_text(encoding="utf-8"), re.M | re.S).group(1)
    stated = tomllib.loads(block.replace("# ", "", 1).replace("\n# ", "\n"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert stated["dependencies"] == (ROOT / "requirements.txt").read_text(encoding="utf-8").split()
    assert stated["requires-python"] == project["requires-python"] and project["version"] == VERSION


def test_no_folder_holds_too_many_files():
    counts: dict[Path, int] = {}
    for path in SOURCES:
        counts[path.parent] = counts.get(path.parent, 0) + 1
    assert not {folder.as_posix(): count for folder, count in counts.items() if count > MAX_FILES_IN_A_FOLDER}


def test_the_page_copies_no_classes_of_its_neighbours():
    protocols = [
        f"{name_of(path)}: {node.name}"
        for path, node in nodes(ast.ClassDef)
        if module_of(path).startswith("page.") and any(ast.unparse(base) == "Protocol" for base in node.bases)
    ]
    assert len(protocols) <= MAX_PAGE_PROTOCOLS, protocols


def test_one_place_builds_optimizers_and_one_builds_schedules():
    for name in ("AdamW", "LambdaLR"):
        places = [name_of(path) for path, node in nodes(ast.Attribute) if node.attr == name]
        assert set(places) <= {"training/optim.py", "training/recipe/phases.py"}, f"{name}: {places}"


def test_no_forbidden_import():
    offenders = [name_of(path) for path in SOURCES if imports(path) & {"pickle", "joblib", "dill"}]
    offenders += [name_of(path) for path in SOURCES if "pyplot" in path.read_text(encoding="utf-8")]
    assert not offenders


def test_every_path_option_knows_the_home_folder():
    offenders = [
        f"{name_of(path)}:{call.lineno}"
        for path, call in nodes(ast.Call)
        if any(keyword.arg == "type" and ast.unparse(keyword.value) == "Path" for keyword in call.keywords)
    ]
    assert not offenders


def problem_of_call(path: Path, call: ast.Call) -> bool:
    called = ast.unparse(call.func)
    options = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    is_guess = called == "getattr" and len(call.args) == 3 and ast.unparse(call.args[0]) != "os"
    return (
        (options.get("strict") == "False" and called != "zip")
        or (called == "torch.load" and options.get("weights_only") != "True")
        or (called == "print" and name_of(path) not in COMMANDS)
        or called in ("eval", "exec", "hasattr", "time.sleep")
        or is_guess
    )


def test_no_forbidden_call():
    assert not [
        f"{name_of(path)}:{call.lineno}: {ast.unparse(call)}"
        for path, call in nodes(ast.Call)
        if problem_of_call(path, call)
    ]


def test_no_broad_except_and_no_global():
    offenders = [f"{name_of(path)}:{node.lineno}: global" for path, node in nodes(ast.Global)]
    for path, node in nodes(ast.ExceptHandler):
        caught = ast.unparse(node.type) if node.type else "everything"
        if caught in ("everything", "Exception", "BaseException") and name_of(path) not in MAY_CATCH_ALL:
            offenders.append(f"{name_of(path)}:{node.lineno}: except {caught}")
    assert not offenders


def test_no_mutable_state_at_module_level():
    """Tables in capitals are constants by convention; anything else that could change does not belong there."""
    offenders = []
    for path in SOURCES:
        for node in parsed(path).body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict | ast.List | ast.Set | ast.DictComp):
                names = [ast.unparse(target) for target in node.targets]
                offenders += [f"{name_of(path)}: {name}" for name in names if not name.isupper() and name != "__all__"]
    assert not offenders


def test_functions_are_short_and_annotated():
    offenders = []
    for path, node in nodes(ast.FunctionDef, ast.AsyncFunctionDef):
        place = f"{name_of(path)}:{node.lineno}: {node.name}"
        if node.end_lineno - node.lineno >= MAX_FUNCTION_LINES:
            offenders.append(f"{place} is too long")
        arguments = [a for a in node.args.args + node.args.kwonlyargs if a.arg not in ("self", "cls")]
        if not all(argument.annotation for argument in arguments):
            offenders.append(f"{place} lacks an annotation")
    assert not offenders
