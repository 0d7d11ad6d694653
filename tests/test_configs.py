"""Recipes: what differs from a method's own settings, and what users' own files may hold."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
from ml_collections import ConfigDict

from tf_fewshot import backbones, methods, pretraining
from tf_fewshot.errors import UserError
from tf_fewshot.tools import recipes

from .processes import command

ROOT = Path(__file__).resolve().parent.parent
RECIPES = sorted(path for path in (ROOT / "configs").glob("*.py") if path.stem != "__init__")
# Lines of configs/*.py where a configuration repeated every setting of its method.
LINES_BEFORE = 789


def config_of(path: Path) -> ConfigDict:
    spec = importlib.util.spec_from_file_location(f"config_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config()


CONFIGS = {path.stem: config_of(path) for path in RECIPES}
ADAPTATIONS = sorted(name for name, config in CONFIGS.items() if "architecture" not in config)
PRETRAININGS = sorted(CONFIGS.keys() - ADAPTATIONS)


# What is installed ----------------------------------------------------------------------


def test_recipes_are_a_fraction_of_what_they_were():
    lines = sum(len(path.read_text("utf-8").splitlines()) for path in RECIPES)
    assert lines < LINES_BEFORE / 2
    assert recipes.installed() == {path.stem: path for path in RECIPES}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_opens_with_its_command(path):
    text = path.read_text("utf-8")
    opened = re.match(r'""".+\n\n(?:.*\n)*?\s*tf-fewshot (adapt|pretrain) --config=(\w+)', text)
    assert opened is not None
    tool = "adapt" if path.stem in ADAPTATIONS else "pretrain"
    assert opened.groups() == (tool, path.stem)
    # Numbers that were measured stand in benchmarks/.
    assert not re.search(r"\bFID\b|intra-LPIPS|KMMD", text)


@pytest.mark.parametrize("name", ADAPTATIONS)
def test_a_recipe_of_an_adaptation_says_what_differs(name):
    fields = CONFIGS[name].to_dict()
    method = methods.get(fields.pop("method"))
    source = fields.pop("source", None)
    assert source != recipes.DEFAULT_SOURCE, "what everything begins from need not be named"
    own = method.settings()
    assert fields.keys() <= own.keys()
    assert [k for k, value in fields.items() if own[k] == value] == []
    changed = method.with_settings(**fields)
    assert changed.settings() == {**own, **fields}
    assert fields or source
    if name in methods.names():
        # --method=NAME and tff.adapt(method=NAME) are one thing.
        assert method.name == name
        assert fields == {}


@pytest.mark.parametrize("name", PRETRAININGS)
def test_a_recipe_of_a_pretraining_says_what_differs(name):
    fields = CONFIGS[name].to_dict()
    known = pretraining.known_settings(pretraining.trained_by(fields.get("method", "scratch")))
    assert fields.keys() <= known.keys()
    assert [k for k, value in fields.items() if known[k].value == value] == []
    for field, value in fields.items():
        known[field].checked(value)
    gan = backbones.build(fields["architecture"], **fields["model"])
    last = fields["growths"][-1]
    assert gan.image_shape[0] == last[0] == fields["model"]["resolution"]


@pytest.mark.parametrize("name", methods.names())
def test_a_method_is_its_own_configuration(name):
    fields = recipes.adaptation(name)
    assert recipes.of_method(name) == fields
    assert fields.pop("method") == name
    source = fields.pop("source")
    assert fields == {}
    biggan = CONFIGS["bsa_biggan"].source
    assert source == (biggan if name == "bsa_biggan" else recipes.DEFAULT_SOURCE)


def test_what_is_of_the_other_tool_is_refused():
    with pytest.raises(UserError, match=r"'pretrain_sngan32' names no method: .+ adapt"):
        recipes.adaptation("pretrain_sngan32")
    for name in ("ewc", "quickstart_ewc"):
        with pytest.raises(UserError, match=rf"'{name}' names no architecture: .+ pretrain"):
            recipes.pretraining(name)
    with pytest.raises(UserError, match="Unknown method 'quickstart_ewc'"):
        recipes.of_method("quickstart_ewc")


# Files of users' ------------------------------------------------------------------------

HEAD = "from ml_collections import ConfigDict, config_dict\n"


def written(folder: Path, text: str) -> str:
    (folder / "mine.py").write_text(text)
    return str(folder / "mine.py")


@pytest.mark.parametrize("name", ["ewc", "bsa", "nst"])
def test_a_complete_configuration_is_the_method(name, tmp_path):
    """A configuration may give every setting, as all once did, with placeholders for None."""
    fields = []
    for setting, value in methods.get(name).settings().items():
        shown = "config_dict.placeholder(float)" if value is None else repr(value)
        fields.append(f'"{setting}": {shown}')
    head = f'"method": "{name}", "source": "mine.npz"'
    text = f"{HEAD}def get_config(): return ConfigDict({{{', '.join([head, *fields])}}})\n"
    read = recipes.adaptation(written(tmp_path, text))
    expected = {"method": name, "source": "mine.npz", **methods.get(name).settings()}
    assert read == expected


def test_a_configuration_may_import_what_methods_shared(tmp_path):
    """Configurations of earlier versions import ``tf_fewshot.configs.shared``."""
    text = HEAD + (
        "from tf_fewshot.configs.shared import adversarial, latent_table, reconstruction\n"
        "def get_config():\n"
        '    return ConfigDict({"method": "METHOD", **PARTS, "learning_rate": 0.5})\n'
    )
    for method, parts, other in [
        ("ewc", "adversarial()", {}),
        ("update_all", "reconstruction(), **latent_table()", {}),
        (
            "bsa",
            "reconstruction(), **latent_table()",
            {"rate_decay": 0.2, "rate_decay_steps": 3000},
        ),
    ]:
        read = text.replace("METHOD", method).replace("PARTS", parts)
        fields = recipes.adaptation(written(tmp_path, read))
        assert fields.pop("method") == method
        assert fields.pop("source") == recipes.DEFAULT_SOURCE
        changed = methods.get(method).with_settings(**fields)
        if method == "bsa":
            other |= {"latent_learning_rate": 0.1}
        own = methods.get(method).settings()
        assert changed.settings() == {**own, "learning_rate": 0.5, **other}
    text = HEAD + (
        "from tf_fewshot.configs.shared import new_source\n"
        "def get_config():\n"
        '    return ConfigDict({**new_source(), "architecture": "dcgan", "feature_weight": 1.0})\n'
    )
    fields = recipes.pretraining(written(tmp_path, text))
    # As it stood there.
    assert fields == {
        "architecture": "dcgan",
        "batch_size": 16,
        "learning_rate": 0.004,
        "d_learning_rate": 0.003,
        "ema_images": 5_000,
        "snapshot_images": 16_000,
        "adversarial_loss": "non_saturating",
        "fresh_discriminator": False,
        "r1_interval": 16,
        "clip_images": True,
        "feature_weight": 1.0,
        "feature_learning_rate": 0.001,
        "augment": "none",
        "augment_p": None,
        "ada_target": 0.6,
        "ada_images": 500_000,
    }
    with pytest.raises(UserError, match=r"No module named 'tf_fewshot\.configs\.other'"):
        recipes.adaptation(written(tmp_path, "import tf_fewshot.configs.other\n"))


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        (
            "def get_config(:\n",
            r"The configuration cannot be read as Python: SyntaxError.*mine\.py",
        ),
        ("import nothing_of_that_name\n", r"cannot be read as Python: ModuleNotFoundError: No mod"),
        ("def get_config(): return 1 / 0\n", r"cannot be read as Python: ZeroDivisionError"),
        ("x = 1\n", r"mine\.py is no configuration: it has no get_config\(\) that returns"),
        ("def get_config(): return 3\n", r"mine\.py is no configuration"),
        (f"{HEAD}def get_config(): return ConfigDict()\n", r"names no method"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(text, pattern, tmp_path):
    with pytest.raises(UserError, match=pattern) as caught:
        recipes.adaptation(written(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_file_is_named_by_its_path_alone(settings_are_known, tmp_path):
    text = f'{HEAD}def get_config(): return ConfigDict({{"method": "ewc", "stepz": 3}})\n'
    written(tmp_path, text)
    done, _ = command("adapt", "--config=mine.py", cwd=tmp_path)
    assert done.stderr.startswith("Error: Unknown setting of method 'ewc' 'stepz'. Did you mean 's")
    done, _ = command("adapt", "--config=mine", cwd=tmp_path)
    assert done.stderr.startswith("Error: Unknown config 'mine'. ")
    (tmp_path / "mine.py").write_text(text.replace('"stepz": 3', '"steps": "3"'))
    done, _ = command("adapt", "--config=mine.py", cwd=tmp_path)
    assert done.stderr == "Error: steps must be a whole number (default 400), not '3'.\n"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]
