"""What memory there is, what a step takes, and what is done where it does not fit."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_fewshot as tff
from tf_fewshot import backbones
from tf_fewshot.backbones.sparing import Sparing
from tf_fewshot.data.batches import Batches
from tf_fewshot.description import describe
from tf_fewshot.errors import UserError
from tf_fewshot.losses.fisher import fisher_diagonal
from tf_fewshot.planning import plan
from tf_fewshot.training import fitting, memory
from tf_fewshot.training.assemble import assemble
from tf_fewshot.training.fitting import Fitting, Way
from tf_fewshot.training.footprint import peak_bytes
from tf_fewshot.training.moves import Moves

from .conftest import TINY

MB = 2**20


# What there is --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "size"),
    [("8G", 8 << 30), ("1.5 GiB", 3 << 29), ("500m", 500 * MB), ("64KB", 65536), (12345, 12345)],
)
def test_sizes_are_read_as_people_write_them(text, size):
    assert memory.parsed(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1G", "0", "8 apples", "G"])
def test_other_sizes_are_refused(text):
    with pytest.raises(UserError, match="memory must be a size such as 8G"):
        memory.parsed(text)


def test_no_limit_is_no_size():
    assert memory.parsed(None) is memory.parsed("unlimited") is None


def _machine(root: Path, files: dict[str, str]) -> Path:
    everything = {"proc/meminfo": "MemTotal: 9000 kB\nMemAvailable:    4000 kB\n", **files}
    for name, text in everything.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_free_is_what_the_machine_has_left(tmp_path):
    assert memory.free(_machine(tmp_path, {})) == 4000 * 1024
    assert memory.free(tmp_path / "of no system that we know") is None
    assert memory.resident(tmp_path) is None


def test_a_container_of_version_2_limits_and_gives_back_files_it_has_read(tmp_path):
    group = "sys/fs/cgroup/system.slice/job"
    files = {
        "proc/self/cgroup": "0::/system.slice/job\n",
        f"{group}/memory.max": "max\n",
        f"{group}/memory.current": "900000\n",
        "sys/fs/cgroup/system.slice/memory.max": "1000000\n",
        "sys/fs/cgroup/system.slice/memory.current": "900000\n",
        "sys/fs/cgroup/system.slice/memory.stat": "anon 5\ninactive_file 50000\nactive_file 7\n",
    }
    assert memory.free(_machine(tmp_path, files)) == 150_000


def test_a_container_of_version_2_may_see_its_own_group_as_the_root(tmp_path):
    files = {
        "proc/self/cgroup": "0::/a/path/of/the/machine\n",
        "sys/fs/cgroup/memory.max": "3000000\n",
        "sys/fs/cgroup/memory.current": "1000000\n",
    }
    assert memory.free(_machine(tmp_path, files)) == 2_000_000


def test_a_container_of_version_1_limits(tmp_path):
    files = {
        "proc/self/cgroup": "5:cpu,cpuacct:/job\n4:hugetlb,memory:/job\n0::/\n",
        "sys/fs/cgroup/memory/job/memory.limit_in_bytes": "2000000\n",
        "sys/fs/cgroup/memory/job/memory.usage_in_bytes": "1500000\n",
        "sys/fs/cgroup/memory/job/memory.stat": "inactive_file 1\ntotal_inactive_file 100000\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": "7000000\n",
    }
    assert memory.free(_machine(tmp_path, files)) == 600_000
    # A group that is over its limit leaves nothing.
    files = {"sys/fs/cgroup/memory/job/memory.usage_in_bytes": "2500000\n"}
    assert memory.free(_machine(tmp_path, files)) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these files")
def test_this_process_is_told_of_here():
    assert (memory.resident() or 0) > 50 * MB
    assert (memory.free() or 0) > 0


# What a step takes ----------------------------------------------------------------------------


def _peak(function, *shapes) -> int:
    specs = [tf.TensorSpec(shape, tf.float32) for shape in shapes]
    return peak_bytes(tf.function(function).get_concrete_function(*specs).graph)


def test_a_chain_takes_what_lives_at_once():
    """Sizes by hand: [256, 256] is 2**18 bytes."""
    n = 2**18

    def chain(x):
        a = tf.linalg.matmul(x, x)
        b = tf.linalg.matmul(a, a)
        return tf.reduce_sum(tf.linalg.matmul(b, b))

    assert n * 2 <= _peak(chain, (256, 256)) <= n * 2 + 64

    def kept(x):
        a = tf.linalg.matmul(x, x)
        b = tf.linalg.matmul(a, a)
        c = tf.linalg.matmul(b, b)
        return tf.reduce_sum(tf.linalg.matmul(a, c))

    assert n * 3 <= _peak(kept, (256, 256)) <= n * 3 + 64


def test_what_is_written_over_and_what_nobody_needs_take_nothing():
    def over(x):
        y = tf.linalg.matmul(x, x)
        tf.linalg.matmul(x, x, transpose_a=True)
        return tf.tanh(tf.reshape(tf.exp(y) + 1.0, [-1]))

    assert 2**18 <= _peak(over, (256, 256)) <= 2**18 + 64


def test_called_graphs_count_while_they_run():
    inner = tf.function(lambda x: tf.reduce_sum(tf.linalg.matmul(x, tf.linalg.matmul(x, x))))
    assert 2**19 <= _peak(lambda x: inner(x) + inner(x), (256, 256)) <= 2**19 + 64


def test_what_can_run_at_once_counts_at_once_unless_it_waits():
    def squares(x, wait):
        before = []
        sums = []
        for _ in range(3):
            with tf.control_dependencies(before if wait else []):
                sums.append(tf.reduce_sum(tf.linalg.matmul(x, x)))
            before = [sums[-1]]
        return tf.add_n(sums)

    assert _peak(lambda x: squares(x, False), (256, 256)) >= 3 * 2**18
    assert _peak(lambda x: squares(x, True), (256, 256)) <= 2**18 + 64


# What is done ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def source() -> backbones.GAN:
    keras.utils.set_random_seed(0)
    small = {**TINY["stylegan2"], "resolution": 8, "channels": [8, 8]}
    return backbones.build("stylegan2", **small)


def _room(monkeypatch, size: float) -> None:
    """Lets there be so much room."""
    room = fitting.Room(int(size), 100 * MB, "so much is free")
    monkeypatch.setattr(fitting.Room, "here", classmethod(lambda cls, limit=None: room))


def test_the_first_way_that_fits_is_taken_and_said(source, pictures, monkeypatch):
    """Needs fall from way to way, and each is traced as it is chosen."""
    planned = plan(source, pictures, "transfergan", batch_size=4, r1_gamma=0.0)
    assembly = assemble(planned.method, planned.problem("float32", lambda line: None))
    gan, batches = assembly.problem.gan, Batches(planned.pictures, 4, 0)
    needs: list[int] = []
    # A tiny network's tensors are nothing beside what TensorFlow takes itself.
    monkeypatch.setattr(fitting, "_BESIDE", 0)
    monkeypatch.setattr(fitting, "_BESIDE_PARTS", 0)
    measured = fitting.need_of
    monkeypatch.setattr(
        fitting, "need_of", lambda *args: needs.append(measured(*args)) or needs[-1]
    )
    _room(monkeypatch, 1.0)
    with pytest.raises(UserError, match=r"4 pictures needs about .* one by one; so much is free"):
        Fitting(4)(gan, Moves(assembly.players), batches)
    assert all(network.sparing == Sparing(1) for network in gan.networks())
    assert len(needs) == 5
    assert needs == sorted(set(needs), reverse=True)
    # Of parts that are graphs of their own more stays behind.
    for factor, way in ((0.7, Way(True, Sparing(2))), (0.65, Way(True, Sparing()))):
        _room(monkeypatch, needs[2] / factor + 2)
        assert Fitting(4)(gan, Moves(assembly.players), batches) == way
    moves, said = Moves(assembly.players), []
    _room(monkeypatch, needs[1] / 0.9 + 2)
    assert Fitting(4, say=said.append)(gan, moves, batches) == Way(in_turn=True)
    assert "so much is free: each player waits for the one before it. That needs" in said[0]
    assert not any(network.sparing for network in gan.networks())
    # It is that trace that the step uses.
    assert all(np.isfinite(value) for value in moves.step(batches, 0).values())
    assert moves._compiled.experimental_get_tracing_count() == 1


@pytest.mark.large
def test_a_step_in_turn_and_sparing_is_the_step(source, pictures):
    """Whole steps, with optimizers and the lazy terms: what is trained stays close."""
    after = []
    for way in (Way(), Way(in_turn=True), Way(True, Sparing(1))):
        keras.utils.set_random_seed(0)
        settings = {"batch_size": 2, "learning_rate": 1e-4, "r1_interval": 1}
        planned = plan(source, pictures[:2], "transfergan", **settings)
        assembly = assemble(planned.method, planned.problem("float32", lambda line: None))
        moves, batches = Moves(assembly.players), Batches(planned.pictures, 2, 0)
        moves.in_turn = way.in_turn
        for network in assembly.problem.gan.networks():
            network.sparing = way.sparing
        numbers = [moves.step(batches, number) for number in range(2)]
        after.append({k: float(v) for k, v in numbers[-1].items()})
    # Waiting changes no bit.
    assert after[0] == after[1]
    assert after[2] == pytest.approx(after[0], rel=1e-3, abs=1e-4)


def test_adapt_says_what_a_run_needs_and_stops_where_no_way_fits(tmp_path):
    source = backbones.build("dcgan", **TINY["dcgan"])
    pictures = np.zeros((2, 16, 16, 3), np.uint8)
    planned = plan(source, pictures, "ewc", batch_size=2, precision="float32", r1_gamma=0.0)
    text = describe(planned)
    assert "\nmemory      A step needs about " in text
    assert " are free." in text
    options = {"steps": 1, "batch_size": 1, "precision": "float32", "r1_gamma": 0.0}
    with pytest.raises(UserError, match=r"the limit is 10 MB\. Lower batch_size, or"):
        tff.adapt(source, pictures, "transfergan", workdir=tmp_path, memory="10M", **options)
    with pytest.raises(UserError, match="memory must be a size"):
        tff.adapt(source, pictures, "transfergan", workdir=tmp_path, memory="lots", **options)
    run = tff.adapt(source, pictures, "transfergan", workdir=tmp_path, memory="64G", **options)
    assert "the limit is 64.0 GB." in (run.folder / "log.txt").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what was taken at most")
def test_the_fisher_diagonal_takes_the_memory_of_one_sample():
    """Each sample has 8 MB inside; 60 more of them would take 480 MB."""
    weight = keras.Variable(np.ones(2**21, np.float32))

    def loss(latents):
        return tf.reduce_mean(tf.sin(tf.exp(latents[:, :1] * weight[None])), 1)

    def most(samples: int) -> int:
        Path("/proc/self/clear_refs").write_text("5")
        fisher_diagonal(loss, [weight], np.ones((samples, 2), np.float32))
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) // 1024

    most(2)
    assert most(64) - most(4) < 100


# What is given back ---------------------------------------------------------------------------

_RUNS = """
    import gc, json, os, re, sys
    from pathlib import Path
    import numpy as np
    import tensorflow as tf
    from tensorflow.python.framework.func_graph import FuncGraph
    import tf_fewshot as tff
    from tf_fewshot import backbones

    def resident():
        text = Path("/proc/self/status").read_text()
        return int(re.search("VmRSS:[^0-9]*([0-9]+)", text)[1]) / 1024

    settings, count, method, steps = json.loads(sys.argv[1])
    size = settings["resolution"]
    source = backbones.build("dcgan", **settings)
    pictures = np.random.default_rng(0).integers(0, 256, (8, size, size, 3)).astype(np.uint8)
    for i in range(count):
        tff.adapt(source, pictures, method, workdir=Path(sys.argv[2]) / str(i), steps=steps,
                  batch_size=4, precision="float32", checkpoint_every=steps)
        gc.collect()
        objects = gc.get_objects()
        print("alive", sum(isinstance(o, FuncGraph) for o in objects),
              sum(isinstance(o, backbones.GAN) for o in objects), resident(), flush=True)
"""


def _after_runs(folder: Path, settings: dict, count: int, method: str, steps: int) -> np.ndarray:
    """Graphs, GANs and megabytes of a process of its own after each of so many runs."""
    script = textwrap.dedent(_RUNS)
    arguments = [json.dumps((settings, count, method, steps)), str(folder)]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("alive")]
    assert len(lines) == count
    return np.array(lines, float)


def test_runs_leave_no_graphs_and_networks_behind(tmp_path):
    graphs, gans, _ = _after_runs(tmp_path, TINY["dcgan"], 3, "transfergan", 2).T
    assert graphs[2] <= graphs[1]
    assert gans[2] <= gans[1]


@pytest.mark.large
def test_memory_does_not_grow_from_run_to_run(tmp_path):
    """A network of some size, so that a run kept would be seen beside what malloc keeps."""
    settings = {"resolution": 64, "latent_dim": 64}
    *_, megabytes = _after_runs(tmp_path, settings, 6, "update_all", 3).T
    assert megabytes[5] - megabytes[2] < 0.05 * megabytes[2]
