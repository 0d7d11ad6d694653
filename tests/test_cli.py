"""The command line: what it does, and what it says when it cannot."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from tf_fewshot import backbones, methods, weights
from tf_fewshot.data.grid import image_grid
from tf_fewshot.tools import common, main, wording
from tf_fewshot.weights.native.gan_file import save_gan

from .conftest import TINY
from .processes import COMMAND, Done, command, forks

# What TensorFlow writes when it starts, whatever a program does.
_START_UP = re.compile(r"[IWEF]\d{4,} [\d:.]+ +\d+ |WARNING: All log messages before absl::Init")
# A few steps take less time than tracing their graphs.
EAGERLY = "import tensorflow as tf; tf.config.run_functions_eagerly(True)\n"


def said(done: Done) -> list[str]:
    """The lines on standard error that are the program's own."""
    return [line for line in done.stderr.splitlines() if not _START_UP.match(line)]


def check_refused(done: Done, pattern: str) -> None:
    """Exit code 2, nothing on standard output and one line that fits on standard error."""
    assert done.code == 2, done.stderr
    (line,) = said(done)
    assert re.fullmatch(f"Error: {pattern}", line), line
    assert done.stdout == ""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sources (source.npz, other.npz) and eight pictures (pictures/)."""
    folder = tmp_path_factory.mktemp("cli")
    for seed, name in enumerate(("source", "other")):
        keras.utils.set_random_seed(seed)
        save_gan(backbones.build("dcgan", **TINY["dcgan"]), folder / f"{name}.npz")
    (folder / "pictures").mkdir()
    rng = np.random.default_rng(0)
    for i in range(8):
        picture = rng.integers(0, 256, (16, 16, 3)).astype(np.uint8)
        Image.fromarray(picture).save(folder / "pictures" / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def unusable(folder: Path) -> None:
    """Adds pictures, weights and a configuration that are of no use."""
    (folder / "empty").mkdir()
    (folder / "texts").mkdir()
    (folder / "texts" / "a.txt").write_text("no picture")
    shutil.copytree(folder / "pictures", folder / "mixed")
    picture = (folder / "pictures" / "0.png").read_bytes()
    (folder / "mixed" / "bad.png").write_bytes(picture[: len(picture) // 2])
    weights = (folder / "source.npz").read_bytes()
    (folder / "cut.npz").write_bytes(weights[: len(weights) // 2])
    with np.load(folder / "source.npz") as arrays:
        names = {n: n.replace("layer1", "layerX").replace("layer2", "layer1") for n in arrays}
        np.savez(folder / "swapped.npz", **{names[n]: arrays[n] for n in arrays.files})
    config = '{"method": "transfergan", "source": "source.npz", "steps": 2, "stepz": 3}'
    (folder / "typo.py").write_text(
        f"from ml_collections import ConfigDict\ndef get_config(): return ConfigDict({config})\n"
    )


@pytest.fixture(scope="module")
def run(folder: Path) -> Path:
    """The folder of a run of EWC, from the command line."""
    done = forks().command(
        "adapt",
        "--source=source.npz",
        "--data=pictures",
        "--method=ewc",
        "--steps=2",
        "--config.fisher_samples=4",
        "--nofisher_cache",
        "--precision=float32",
        "--workdir=run",
        cwd=folder,
    )
    assert done.code == 0, done.stderr
    assert done.stdout == "run/report.html\n"
    assert said(done)[-1] == "Done: run/report.html"
    return folder / "run"


def adapt(folder: Path, workdir: Path, *flags: str, **environment: str) -> Done:
    """Runs two steps of TransferGAN, without graphs."""
    arguments = ["--source=source.npz", "--method=transfergan", "--config.steps=2"]
    arguments += ["--precision=float32", f"--workdir={workdir}", *flags]
    return forks().python(EAGERLY + COMMAND, "adapt", *arguments, cwd=folder, **environment)


# Help -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", *main.COMMANDS])
def test_help_is_there_at_once(name):
    heavy = "[m for m in ('tensorflow', 'keras', 'scipy') if m in sys.modules]"
    code = f"import atexit, sys\natexit.register(lambda: print('heavy:', {heavy}))\n{COMMAND}"
    done, seconds = command(*([name] if name else []), "--help", code=code)
    assert done.code == 0, done.stderr
    assert done.stderr == ""
    *text, heavy = done.stdout.splitlines()
    assert heavy == "heavy: []"
    if name:
        assert "flags:" in text
        module = sys.modules.get(f"tf_fewshot.tools.{name}")
        assert module is None or module.__doc__ in done.stdout
        flags = [line for line in text if line.startswith("  --")]
        assert all(re.fullmatch(r"  --\w+: .{10,}", line) for line in flags)
        if name in ("adapt", "compare", "pretrain"):
            assert "Any setting" in done.stdout
            assert "--batch_size=" in done.stdout
            assert "tf-fewshot methods" in done.stdout
    else:
        assert all(any(line.startswith(f"  {c} ") for line in text) for c in main.COMMANDS)
    # Of the processor, since the machine may be busy.
    assert seconds < 1.0


def test_the_version_is_the_package_s():
    from tf_fewshot import __version__

    done, _ = command("--version")
    assert (done.code, done.stdout) == (0, f"{__version__}\n")


def test_the_methods_are_listed(tmp_path):
    done = forks().command("methods", cwd=tmp_path)
    assert done.code == 0
    rows = [re.split(r"  +", line) for line in done.stdout.splitlines()]
    assert [row[0] for row in rows] == ["method", *methods.names()]
    for row in rows[1:]:
        method = methods.get(row[0])
        assert row[1:4] == [
            type(c).__name__ for c in (method.objective, method.trainable, method.latents)
        ]
        assert row[-1] == method.paper


# What is wrong before anything is loaded --------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        (["adpat"], r"Unknown command 'adpat'\. Did you mean 'adapt'\? Known: adapt, .+"),
        (["adapt", "--workdr=x"], r"Unknown flag --workdr\. Did you mean --workdir\?"),
        (["sample", "--adaptor=x"], r"Unknown flag --adaptor\. Did you mean --adapter\?"),
        (["sample", "--steps=3"], r"Unknown flag --steps\. tf-fewshot sample --help lists .+"),
        (
            ["adapt", "--lerning_rate=1"],
            r".+ Did you mean --learning_rate \(a setting of methods.+",
        ),
        (
            ["adapt", "--method=ewc", "--lerning_rate=1"],
            r".+ Did you mean --learning_rate \(a setting of method 'ewc.+",
        ),
        (["adapt", "--method=bsa", "--ewc_strength=3"], r".+ is a setting of ewc, not of .+'bsa'."),
        (["adapt", "--nosteps"], r"Unknown flag --nosteps\. Did you mean --steps \(.+"),
        (["adapt", "--xyzzy"], r"Unknown flag --xyzzy\. tf-fewshot adapt --method=auto --help l.+"),
        (
            ["adapt", "--ewc_strength=3"],
            r".+ is a setting of ewc, not of method 'auto'\. Name the method: --method=NAME\.",
        ),
        (
            ["adapt", "--steps"],
            r"--steps needs a value: --steps=VALUE \(a whole number or None\)\.",
        ),
        (["adapt", "--method=bsa", "--steps"], r".+: --steps=VALUE \(a whole number\)\."),
        (
            ["adapt", "--method=ewc", "--mirror", "false"],
            r"unexpected argument 'false': flags are written --na.+",
        ),
        (["adapt", "--method=ewk"], r"Unknown method 'ewk'\. Did you mean 'ewc'\? Known: .+"),
        (["adapt", "--method", "bsb"], r"Unknown method 'bsb'\. Did you mean 'bsa'\? Known: .+"),
        (["adapt", "--config=ewk"], r"Unknown config 'ewk'\. Did you mean 'ewc'\? Known: .+"),
        (["adapt", "--config=my.py"], r"Unknown config 'my\.py'\..*Or give the path of a \.py .+"),
        (["adapt", "--config.stepz=3"], r"Unknown flag --config\.stepz\. .+ --config\.steps \(.+"),
        (["adapt", "--config.none.of=3"], r"Unknown flag --config\.none\.of\. .+"),
        (
            ["adapt", "--method=ewc", "--config.steps=many"],
            r"steps must be a whole number \(default 400\), .+'ma.+",
        ),
        (["adapt", "--steps=2.5"], r"steps must be a whole number or None .+, not '2\.5'\."),
        (
            ["adapt", "--method=ewc", "--d_learning_rate=fast"],
            r"d_learning_rate must be a number or None .+'fast'.",
        ),
        (
            ["adapt", "--method=ewc", "--fisher_cache=maybe"],
            r"fisher_cache must be true or false .+'maybe'\.",
        ),
        (
            ["adapt", "--method=ewc", "--augment=adda"],
            r"Unknown augment 'adda'\. Did you mean 'ada'\? Known: .+",
        ),
        (["adapt", "--method=x"], r"Unknown method 'x'\. (?!.*pretrain|.*shared|.*quickstart).+"),
        (
            ["quickstart", "--methods=collage,ecw"],
            r"Unknown method of the quick start 'ecw'\. Did you mean 'ewc'\? .+",
        ),
        (["quickstart", "--methods="], r"Unknown method of the quick start ''\. Known: .+"),
        (["adapt", "--config=shared"], r"Unknown config 'shared'\. (?!.*shared).+"),
        (["adapt", "--config"], r"--config needs a value: --config=NAME\."),
        (["adapt", "--precision=float46"], r"flag --precision=float46: .+<auto\|float32\|bfl.+"),
        (["adapt", "--seed=-1"], r"flag --seed=-1: .+"),
        (["adapt", "--limit=0"], r"flag --limit=0: .+"),
        (["adapt", "--deterministic=perhaps"], r"flag --deterministic=perhaps: .+"),
        (["adapt", "pictures"], r"unexpected argument 'pictures': flags are written --name=val.+"),
        (["adapt", "--workdir=x"], r"--data is missing: .+"),
        (["adapt", "--data=pictures"], r"--workdir is missing: .+"),
        (["adapt", "--method=bsa", "--config=ewc"], r"--method=bsa and .+'ewc' disagree\."),
        (["adapt", "--config=pretrain_avataaars64"], r".+ names no method: .+"),
        (["pretrain", "--workdir=x"], r"--data is missing: .+"),
        (["pretrain", "--config=ewc"], r".+ names no architecture: .+"),
        (["pretrain", "--stepz=3"], r".+ Did you mean --steps \(a setting of pretraining\)\?"),
        (["pretrain", "--ema_decay=0.5"], r"Unknown flag --ema_decay\. .+"),
        (["pretrain", "--model.latent_dims=8"], r"Unknown field of model 'latent_dims'\. .+"),
        (["pretrain", "--model.latent_dim=few"], r"model\.latent_dim must be a whole number .+"),
        (["pretrain", "--growths=3"], r"growths must be a tuple .+, not '3'\."),
        (["methods", "ewk"], r"Unknown method 'ewk'\. Did you mean 'ewc'\? Known: .+pretrain.+"),
        (["methods", "ewc", "--source=x"], r"--source is for the table of all methods: .+"),
        (["methods", "ewc", "bsa"], r"unexpected argument 'bsa': .+"),
        (["sample"], r"Give --adapter=FILE .+ or --source=NAME\."),
        (["sample", "--source=x", "--out=x.jpg"], r"--out=x\.jpg: a grid is written as \.png.+"),
        (["sample", "--n=0", "--source=x"], r"flag --n=0: .+"),
        (["sample", "--n=ten", "--source=x"], r"flag --n=ten: .+"),
        (["evaluate", "--source=x"], r"--reference is missing: .+"),
        (["evaluate", "--reference=x"], r"Give --adapter=FILE .+ or --source=NAME\."),
        (["study", "--source=x"], r"--reference is missing: .+"),
        (["study", "--reference=x"], r"Give --adapter=FILE .+ or --source=NAME\."),
        (["study", "--rounds=0"], r"flag --rounds=0: .+"),
        (
            ["study", "--source=x", "--reference=x", "--out=x.pdf"],
            r"--out=x\.pdf: the page is written as \.html\.",
        ),
        (["study", "--pool=x", "--source=x"], r"--pool counts answers .+: leave out --source\."),
        (["study", "--pool=x"], r"There is no x\."),
        (["study", "--pool="], r"There are no files of answers to pool\."),
        (["study", "--pool=."], r"There are no \.json files in \.\."),
        (["analyze"], r"Say what to analyze: tf-fewshot analyze WHAT\. Known: .+drift.*\."),
        (["analyze", "fischer"], r"Unknown analysis 'fischer'\. Did you mean 'fisher'\? .+"),
        (["analyze", "fisher"], r"fisher needs --source or --adapters\."),
        (["analyze", "drift", "--source=x"], r"drift does not look at --source: leave it out\."),
        (["analyze", "morphing", "--source=x"], r"morphing needs one or two --adapters, .+"),
        (["analyze", "morphing", "--source=x", "--classes=a,b"], r"--classes=a,b: two numbers .+"),
        (["select", "--out=x"], r"--data is missing: .+"),
        (["select", "--data=x"], r"--out is missing: .+"),
        (["pairs", "--out=x"], r"--adapter is missing: .+"),
        (["pairs", "--adapter=x"], r"--out is missing: .+"),
        (["analyze", "correspondence", "--source=x"], r"correspondence needs --adapters\."),
        (["analyze", "projection", "--source=x"], r"projection needs --pictures\."),
        (["analyze", "truncation", "--source=x"], r"truncation needs --reference\."),
        (["analyze", "statistics", "--source=x", "--group=a"], r"--group=a: write NAME=MEMBER.+"),
        (["convert", "--out=x.npz"], r"--source is missing: .+"),
        (["convert", "--source=x"], r"--out is missing or of no known format: .+"),
        (["convert", "--source=x", "--out=x.pt"], r"--out is missing or of no known format: .+"),
        (["convert", "--source=x", "--out=x.keras", "--half"], r"--half is for \.npz: .+"),
        (["export", "--source=x"], r"--out is missing: .+"),
        (["export", "--out=x"], r"Give --adapter=FILE .+ or --source=NAME\."),
        (["export", "--version=0"], r"flag --version=0: .+"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments, pattern, settings_are_known, tmp_path):
    done, seconds = command(*arguments, cwd=tmp_path)
    check_refused(done, pattern)
    assert done.stderr.count("\n") == 1, "TensorFlow was not needed to know this"
    assert seconds < 1.0
    assert not list(tmp_path.iterdir())


def test_a_value_may_follow_its_flag_and_fields_may_come_first(settings_are_known, tmp_path):
    for arguments in (["--method", "bsa"], ["--config.latent_noise=0.5", "--config", "bsa"]):
        done, _ = command("adapt", *arguments, cwd=tmp_path)
        # It is the next thing that is missing.
        check_refused(done, "--data is missing: .+")


def test_without_a_command_there_is_the_list_of_commands():
    done, _ = command()
    assert done.code == 2
    assert "usage: tf-fewshot COMMAND" in done.stdout


# What is wrong with what is given ------------------------------------------------------------


def test_an_unknown_source_is_answered_with_the_nearest(folder, tmp_path):
    """The program runs in a process of its own, with all that TensorFlow says at its start."""
    done, _ = command(
        "adapt", "--source=avataars46", "--data=pictures", f"--workdir={tmp_path / 'x'}", cwd=folder
    )
    check_refused(done, r"Unknown source 'avataars46'\. Did you mean 'avataaars64'\? Known: .+")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("flags", "pattern"),
    [
        (["--source=nothing.npz"], r"No file nothing\.npz, and no preset of that name\..+"),
        (["--data=nowhere"], r"There is no nowhere\. Pictures can come from .+"),
        (["--data=empty"], r"There are no pictures in empty\."),
        (["--data=texts"], r"There are no pictures in texts \(1 file that is no picture was ig.+"),
        (
            ["--data=mixed"],
            r"bad\.png in mixed cannot be used: .+ skip such pictures with --skip_bad\.",
        ),
        (["--source=cut.npz"], r"cut\.npz is damaged, cut off or no \.npz file .+"),
        (["--source=texts/a.txt"], r"texts/a\.txt is in no format that is known here: .+"),
        (["--source=swapped.npz"], r"The weights in swapped\.npz do not fit a dcgan .+"),
        (["--config.batch_size=0"], r"steps and batch_size must be at least 1, not 2 and 0\."),
        (["--config.adversarial_loss=hing"], r"Unknown adversarial_loss 'hing'.+'hinge'.+"),
        (["--config=typo.py"], r"Unknown setting of method 'transfergan' 'stepz'\. .+'steps'.+"),
    ],
)
def test_what_cannot_be_used_is_named(folder, unusable, tmp_path, flags, pattern):
    if "--config=typo.py" in flags:
        arguments = ["adapt", "--data=pictures", f"--workdir={tmp_path / 'run'}", *flags]
        done = forks().command(*arguments, cwd=folder)
    else:
        done = adapt(folder, tmp_path / "run", "--data=pictures", *flags)
    check_refused(done, pattern)
    assert not (tmp_path / "run").exists()


def test_a_bad_picture_can_be_left_out(folder, tmp_path):
    shutil.copytree(folder / "pictures", tmp_path / "pictures")
    (tmp_path / "pictures" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    data = f"--data={tmp_path / 'pictures'}"
    check_refused(adapt(folder, tmp_path / "run", data), "bad.png in .+ cannot be used: .+")
    done = adapt(folder, tmp_path / "run", data, "--skip_bad")
    assert done.code == 0, done.stderr
    assert any(re.match(r"bad\.png was skipped: ", line) for line in said(done))
    assert json.loads((tmp_path / "run/config.json").read_text())["identity"]["pictures"] == 8


def test_one_picture_is_enough_and_says_what_comes_of_it(folder, tmp_path):
    done = adapt(folder, tmp_path / "run", "--data=pictures", "--limit=1")
    assert done.code == 0, done.stderr
    note = "One picture only: expect copies of it. Ten or more give variety."
    assert note in said(done)
    assert note in (tmp_path / "run" / "log.txt").read_text("utf-8")
    alone = adapt(folder, tmp_path / "alone", "--data=pictures/0.png")
    assert alone.code == 0, alone.stderr
    one, other = (
        (tmp_path / name / "adapter" / "adapter.npz").read_bytes() for name in ("run", "alone")
    )
    assert one == other


def test_a_workdir_that_holds_something_else_is_refused(folder, tmp_path):
    (tmp_path / "thesis.tex").write_text("all I have")
    done = adapt(folder, tmp_path, "--data=pictures")
    check_refused(done, r".+ is not empty and is no run folder .+'thesis\.tex'.+")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


# From pictures to a served model ---------------------------------------------------------------


def test_a_dry_run_says_what_it_would_train_and_writes_nothing(folder, tmp_path):
    flags = ["--data=pictures", "--method=ewc", "--source=source.npz", "--dry_run"]
    flags += ["--precision=float32", f"--workdir={tmp_path / 'run'}"]
    flags += ["--ewc_strength", "123"]
    before = sorted(folder.rglob("*"))
    done = forks().command("adapt", *flags, cwd=folder, TF_FEWSHOT_CACHE=str(tmp_path / "cache"))
    assert done.code == 0, done.stderr
    assert said(done) == []
    assert sorted(folder.rglob("*")) == before
    assert not list(tmp_path.iterdir())
    assert "Elastic weight consolidation (EWC): Li et al." in done.stdout
    assert re.search(r"^pictures +8 from pictures$", done.stdout, re.M)
    assert "ewc_strength=123.0" in done.stdout
    gan = backbones.build("dcgan", **TINY["dcgan"])
    for name, network in (("generator", gan.generator), ("discriminator", gan.discriminator)):
        sizes = {v.path: int(np.prod(v.shape)) for v in network.trainable_weights}
        head = rf"^player {name}: {sum(sizes.values()):,} weights\b.+\b{len(sizes)} variables$"
        assert re.search(head, done.stdout, re.M)
        for path, size in sizes.items():
            assert re.search(rf"^ +{size:,}  {re.escape(path)}$", done.stdout, re.M)


def test_a_run_leaves_its_folder(run):
    names = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    expected = {"config.json", "log.txt", "stats.jsonl", "report.html", "adapter/adapter.npz"}
    expected |= {"adapter/README.md", "adapter/samples.png"}
    expected |= {"reals.png", "fakes_init.png", "fakes000002.png", "samples.png"}
    expected |= {"checkpoints/step0000002.npz"}
    assert expected <= names
    assert not [name for name in names if ".tmp" in name]
    config = json.loads((run / "config.json").read_text("utf-8"))
    assert config["identity"]["method"] == "ewc"
    assert config["identity"]["fisher_samples"] == 4
    assert config["settings"]["steps"] == 2
    assert config["settings"]["dtype"] == "float32"
    (record,) = [json.loads(line) for line in (run / "stats.jsonl").read_text().splitlines()]
    assert record["step"] == 2
    assert {"generator/loss", "generator/ewc", "discriminator/loss"} <= set(record)
    assert 0 < record["generator/drift"] < 0.1


def test_the_same_command_again_goes_on(folder, run):
    """The command asks for more steps, of a copy: other tests need the run as it is."""
    shutil.copytree(run, folder / "again")
    flags = ["--data=pictures", "--method=ewc", "--source=source.npz", "--workdir=again"]
    flags += ["--config.steps=3", "--config.fisher_samples=4", "--config.fisher_cache=false"]
    done = forks().python(EAGERLY + COMMAND, "adapt", *flags, cwd=folder)
    assert done.code == 0, done.stderr
    assert "Going on from step 2." in said(done)
    other = forks().command("adapt", *flags, "--seed=1", cwd=folder)
    check_refused(other, "again is the workdir of another run: seed 0 -> 1. .+")


def test_the_same_seed_gives_the_same_file(folder, run):
    def sample(out: str, *flags: str) -> bytes:
        done = forks().command("sample", *flags, f"--out={out}", cwd=folder)
        assert done.code == 0, done.stderr
        assert done.stdout == f"{out}\n"
        return (folder / out).read_bytes()

    first = sample("a.png", "--adapter=run", "--n=5", "--seed=7")
    # The run, its adapter's folder and the file itself are one adapter.
    assert sample("b.png", "--adapter=run/adapter", "--n=5", "--seed=7") == first
    assert sample("c.png", "--adapter=run/adapter/adapter.npz", "--n=5", "--seed=8") != first
    assert sample("d.png", "--source=source.npz", "--n=5", "--seed=7") != first
    sample("e.npz", "--source=source.npz", "--n=5", "--seed=7")
    with np.load(folder / "e.npz") as arrays:
        assert arrays["latents"].shape == (5, weights.load(folder / "source.npz").latent_dim)
        columns = image_grid(arrays["images"], columns=common.columns_of(5))
    np.testing.assert_array_equal(columns, np.asarray(Image.open(folder / "d.png")))
    with Image.open(folder / "a.png") as grid:
        # Five pictures of 16 pixels in rows of three, a pixel apart.
        assert grid.size == (3 * 17 + 1, 2 * 17 + 1)


def test_single_pictures_go_into_a_folder(folder, run, tmp_path):
    flags = ["--adapter=run", "--n=3", "--truncation=0.5", f"--out={tmp_path / 'out'}"]
    assert forks().command("sample", *flags, cwd=folder).code == 0
    files = sorted((tmp_path / "out").iterdir())
    assert [path.name for path in files] == ["00000.png", "00001.png", "00002.png"]
    for path in files:
        with Image.open(path) as image:
            assert (image.size, image.mode) == ((16, 16), "RGB")
    # Once more it is the same; fewer would leave the third of before among them.
    assert forks().command("sample", *flags, cwd=folder).code == 0
    before = files[0].read_bytes()
    fewer = forks().command("sample", *flags, "--n=2", "--seed=9", cwd=folder)
    check_refused(fewer, r"--out=.+ holds 1 pictures that would stay .+ \(00002\.png\): .+")
    assert files[0].read_bytes() == before
    (tmp_path / "out" / "mine.jpg").write_bytes(b"")
    more = forks().command("sample", *flags, "--n=4", cwd=folder)
    check_refused(more, r"--out=.+ holds 1 pictures .+ \(mine\.jpg\): .+")


def test_what_has_no_workdir_does_not_go_on(tmp_path):
    end = (
        "import os, signal, threading\nthreading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)"
    )
    flags = ["draw_avatars", "--style=toon-head", "--count=100000", "--size=16", "--out=a.zip"]
    done = forks().python(f"{end}).start()\n{COMMAND}", *flags, cwd=tmp_path)
    assert (done.code, done.error) == (143, "Terminated.")
    assert not (tmp_path / "a.zip").exists()


@pytest.mark.parametrize(
    ("name", "number", "ended"), [("SIGTERM", 143, "Terminated."), ("SIGINT", 130, "Interrupted.")]
)
def test_a_signal_within_a_finalizer_is_not_lost(tmp_path, name, number, ended):
    """Python throws away what is raised there."""
    code = f"""
import signal, sys, time, types
from tf_fewshot.tools import main

class Gone:
    def __del__(self):
        signal.raise_signal(signal.{name})

def work():
    Gone()
    time.sleep(20)
    print("went on")

main.launch(types.SimpleNamespace(__name__="tool", main=work), ["tf-fewshot tool"])
"""
    done = forks().python(code, cwd=tmp_path)
    assert (done.code, done.error, done.stdout) == (number, ended, "")


def test_avatars_do_not_go_among_others(tmp_path):
    draw = ["draw_avatars", "--style=toon-head", "--count=2", "--size=16", "--out=avatars"]
    for _ in range(2):
        assert forks().command(*draw, cwd=tmp_path).code == 0
    done = forks().command(*draw, "--first=1", cwd=tmp_path)
    check_refused(done, r"--out=avatars holds 1 pictures .+ \(0000000\.png\): .+")


@pytest.mark.parametrize(
    ("flags", "pattern"),
    [
        (
            ["--adapter=run", "--source=other.npz"],
            r"This adapter was made for source\.npz .+, not for other\.npz .+",
        ),
        (["--adapter=source.npz"], r"source\.npz is (damaged or )?not a.+"),
        (["--source=run/adapter/adapter.npz"], r"run/adapter/adapter\.npz .+"),
        (["--adapter=nothing"], r"Cannot read nothing: .+"),
        (["--adapter=run/checkpoints/step0000002.npz"], r".+ is damaged or not a file of .+"),
    ],
)
def test_files_in_each_other_s_place_are_told_apart(folder, run, tmp_path, flags, pattern):
    flags = [*flags, "--n=1", f"--out={tmp_path / 'x.png'}"]
    check_refused(forks().command("sample", *flags, cwd=folder), pattern)
    assert not list(tmp_path.iterdir())


def test_a_cut_adapter_is_refused(folder, run, tmp_path):
    whole = (run / "adapter" / "adapter.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    done = forks().command("sample", f"--adapter={tmp_path / 'cut.npz'}", cwd=folder)
    check_refused(done, r".+cut\.npz is damaged or not a file of tf_fewshot .+")


def test_a_converted_source_is_the_same_one(folder, tmp_path):
    half, again = tmp_path / "half.npz", tmp_path / "again.npz"
    whole = folder / "source.npz"
    flags = ["--source=source.npz", f"--out={half}", "--half"]
    done = forks().command("convert", *flags, cwd=folder)
    assert done.code == 0, done.stderr
    source, converted = weights.load(whole), weights.load(half)
    assert re.search(rf"^{source.architecture} .+'resolution': 16", done.stdout, re.M)
    assert done.stdout.count("variables") == 2
    assert half.stat().st_size < 0.8 * whole.stat().st_size
    z = source.sample_latents(2, seed=0)
    np.testing.assert_allclose(converted.generate(z), source.generate(z), atol=0.02)
    origin = {"name": "source.npz", "sha256": hashlib.sha256(whole.read_bytes()).hexdigest()}
    assert converted.source_metadata["converted_from"] == origin
    forks().command("convert", f"--source={half}", f"--out={again}", cwd=folder)
    assert weights.load(again).source_metadata["converted_from"] == origin
    forks().command("convert", "--source=source.npz", f"--out={tmp_path / 'g.keras'}", cwd=folder)
    back = keras.models.load_model(tmp_path / "g.keras")
    np.testing.assert_allclose(back(z), source.generate(z), atol=1e-5)
    judge = keras.models.load_model(tmp_path / "g.discriminator.keras")
    images = source.generate(z)
    np.testing.assert_allclose(judge(images), source.discriminator(images), atol=1e-5)


@pytest.mark.download
def test_samples_are_measured(folder, run, unusable, tmp_path):
    flags = ["--adapter=run", "--reference=mixed", "--n=6", f"--out={tmp_path / 'm.jsonl'}"]
    flags += ["--training=pictures", "--metrics=fid,kid"]
    done = forks().command("evaluate", *flags, cwd=folder)
    check_refused(done, r"bad\.png in mixed cannot be used: .+ with --skip_bad\.")
    done = forks().command("evaluate", *flags, "--skip_bad", cwd=folder)
    assert done.code == 0, done.stderr
    # What is to be known before comparing is said where the numbers are.
    warnings = said(done)
    assert warnings[0].startswith("mixed: bad.png was skipped: ")
    assert "fid: 6 pictures on one side are fewer than the 1280 features" in warnings[1]
    trained = "8 of the 8 reference pictures were trained on, which flatters what learns by heart"
    assert warnings[1].endswith(trained)
    assert warnings[2] == f"kid: {trained}"
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["fid", "kid"]
    assert all("6 samples, 8 real" in line for line in lines)
    records = [json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines()]
    assert [record["metric"] for record in records] == ["fid", "kid"]
    for line, record in zip(lines, records, strict=True):
        assert f"{record['value']:.4f}" in line
        assert record["num_fake"] == 6


@pytest.mark.download
@pytest.mark.parametrize(
    ("flags", "pattern"),
    [
        (["--metrics=fit"], r"Unknown metric 'fit'\. Did you mean 'fid'\? Known: .+"),
        (["--detector=none.pth"], r"Cannot read none\.pth: No such file or directory\."),
        (["--detector=pictures"], r"Cannot read pictures: Is a directory\."),
        (
            ["--metrics=detectability"],
            r"detectability needs at least 20 reference pictures, there are 8\.",
        ),
        (["--metrics=intra_lpips"], r"intra_lpips needs the pictures that were trained on.+"),
        (
            ["--metrics=intra_lpips", "--training=pictures"],
            r"LPIPS with 'alex' needs pictures of at least 31 px, these have 16 x 16\.",
        ),
    ],
)
def test_what_cannot_be_measured_is_said(folder, run, flags, pattern):
    flags = ["--adapter=run", "--reference=pictures", "--n=6", *flags]
    check_refused(forks().command("evaluate", *flags, cwd=folder), pattern)


def test_a_model_is_exported(folder, run, tmp_path):
    out = tmp_path / "serving" / "mine"
    done = forks().command("export", "--adapter=run", f"--out={out}", cwd=folder)
    assert done.code == 0, done.stderr
    assert done.stdout == f"{out / '1'}\n"
    assert (out / "1" / "saved_model.pb").is_file()
    again = forks().command(
        "export", "--source=source.npz", f"--out={out}", "--version=1", cwd=folder
    )
    check_refused(again, r".+ exists\. Choose another version, or leave it out .+")


def test_help_ends_quietly_where_nobody_reads_on():
    """As in ``tf-fewshot --help | head -1``."""
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    with process.stderr as stderr:
        assert stderr.read() == b""
    assert process.wait() == 0


@pytest.mark.parametrize("name", ["adapt", "pretrain", "evaluate", "study", "compare", "select"])
def test_commands_that_read_pictures_can_leave_out_bad_ones(name, tmp_path):
    assert "\n  --skip_bad: " in forks().command(name, "--help", cwd=tmp_path).stdout


def test_messages_of_the_library_name_flags():
    """Arguments of Python become flags, if there are such; what looks like one stays."""
    known = {"augment", "fresh_discriminator", "training", "half", "r1_gamma"}
    for message, said in [
        ("Skip them with on_error='skip'.", "Skip them with --skip_bad."),
        ("with fresh_discriminator=True.", "with --fresh_discriminator."),
        ("save it with half=False.", "save it with --nohalf."),
        ('Train with augment="none".', "Train with --augment=none."),
        ("needs more (training=…).", "needs more (--training=…)."),
        ("Set r1_gamma=0.5, please", "Set --r1_gamma=0.5, please"),
        ("--half=3 and other=3", "--half=3 and other=3"),
        ("There is no half=3.png.", "There is no half=3.png."),
        ("There is no runs/half=3.", "There is no runs/half=3."),
    ]:
        assert wording.for_command(message, lambda: known) == said
