"""The arithmetic of the benchmark, and that everything is measured; not its timings."""

import dataclasses
import itertools
import json
import sys
from time import process_time

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_fewshot.backbones import build
from tf_fewshot.benchmarking import (
    Measurements,
    analyses,
    benchmark,
    loading,
    measure,
    operations,
    steps,
    timing,
)
from tf_fewshot.benchmarking.analyses import AnalysisTime, Seconds, measure_analyses
from tf_fewshot.benchmarking.earlier import ratios, read_earlier
from tf_fewshot.benchmarking.measure import untrained
from tf_fewshot.benchmarking.peers import measure_peer
from tf_fewshot.benchmarking.scene import Amounts
from tf_fewshot.benchmarking.timing import ratios_by
from tf_fewshot.errors import UserError
from tf_fewshot.layers import attention
from tf_fewshot.tools.analyze import ANALYSES
from tf_fewshot.weights.native.gan_file import save_gan

from .banks import source_of
from .processes import forks
from .test_extensions import built, shaken


def test_flops_of_a_matrix_product():
    a, b = tf.ones([3, 5]), tf.ones([5, 7])
    assert operations.flops(tf.linalg.matmul, a, b) == 2 * 3 * 5 * 7
    turned = operations.flops(lambda x, y: tf.matmul(x, y, transpose_a=True), tf.transpose(a), b)
    assert turned == 2 * 3 * 5 * 7
    many = operations.flops(tf.linalg.matmul, tf.ones([2, 4, 3, 5]), tf.ones([2, 4, 5, 7]))
    assert many == 8 * 2 * 3 * 5 * 7


@pytest.mark.parametrize(
    ("padding", "stride", "taps"),
    [
        # Of 8 places 6 see three pixels, the outer two two.
        ("SAME", 1, 22),
        ("VALID", 1, 18),
        # At even places from 0 on: the last one lacks a pixel.
        ("SAME", 2, 11),
        ("VALID", 2, 9),
        ([[0, 0], [1, 1], [1, 1], [0, 0]], 1, 22),
    ],
)
def test_flops_of_a_convolution(padding, stride, taps):
    image, kernel = tf.ones([2, 8, 8, 3]), tf.ones([3, 3, 3, 4])
    counted = operations.flops(lambda x: tf.nn.conv2d(x, kernel, stride, padding), image)
    assert counted == 2 * 2 * taps**2 * 3 * 4


def test_products_of_a_convolution_are_those_that_padding_does_not_make():
    inside = tf.nn.conv2d(tf.ones([1, 5, 7, 1]), tf.ones([3, 3, 1, 1]), 1, "SAME")
    counted = operations.flops(
        lambda x: tf.nn.conv2d(x, tf.ones([3, 3, 1, 1]), 1, "SAME"), tf.ones([1, 5, 7, 1])
    )
    assert counted == 2 * float(tf.reduce_sum(inside))


def test_flops_of_a_transposed_convolution():
    kernel, size = tf.ones([3, 3, 4, 5]), [2, 17, 17, 4]
    counted = operations.flops(
        lambda x: tf.nn.conv2d_transpose(x, kernel, size, 2, "VALID"), tf.ones([2, 8, 8, 5])
    )
    assert counted == 2 * 2 * 8 * 8 * 9 * 4 * 5


def test_flops_of_a_gradient():
    image, kernel = tf.ones([2, 8, 8, 3]), tf.ones([3, 3, 3, 4])

    def gradients(x, w):
        with tf.GradientTape() as tape:
            tape.watch([x, w])
            loss = tf.reduce_sum(tf.nn.conv2d(x, w, 1, "SAME") ** 2)
        return tape.gradient(loss, [x, w])

    assert operations.flops(gradients, image, kernel) == 3 * 2 * 2 * 22**2 * 3 * 4


def test_flops_inside_of_loops_and_functions():
    a = tf.ones([3, 5])
    inner = tf.function(lambda x: tf.matmul(a, x))
    looped = operations.flops(lambda x: tf.map_fn(inner, x), tf.ones([4, 5, 7]))
    assert looped == 4 * 2 * 3 * 5 * 7
    with pytest.raises(ValueError, match="not known before"):
        operations.flops(
            lambda x: tf.while_loop(lambda y: tf.reduce_sum(y) < 9, lambda y: [y @ y], [x]),
            tf.ones([2, 2]),
        )


def test_channels_by_themselves_are_not_counted():
    x, kernel = tf.ones([1, 8, 8, 3]), tf.ones([4, 4, 3, 1])
    filtered = operations.flops(
        lambda x: tf.nn.depthwise_conv2d(x, kernel, [1] * 4, "SAME") + x * 2.0, x
    )
    assert filtered == 0


def _convolved(size, before, after, k=3):
    """FLOPs of a convolution, counted by hand.

    A kernel of 3 reaches over the edge by one pixel at both ends of every row and column.
    """
    inside = 3 * size - 2 if k == 3 else size
    return 2 * inside**2 * before * after


@pytest.mark.parametrize("at_once", [True, False])
def test_flops_of_biggan(at_once, monkeypatch):
    if not at_once:
        monkeypatch.setattr(attention, "_MOST_AT_ONCE", 1)
    channels, latents, class_dim = [16, 16, 8], 12, 5
    gan = build(
        "biggan",
        resolution=16,
        latent_dim=latents,
        channels=channels,
        attention=8,
        class_dim=class_dim,
        num_classes=3,
    )
    n, chunk = 3, latents // 3
    image = 2 * chunk * 16 * 16
    # Of each kernel's singular value three products of a vector and the matrix.
    once = 3 * 2 * chunk * 16 * 16
    size = 4
    for before, after in ((16, 16), (16, 8)):
        for width in (before, after):
            image += 2 * 2 * (chunk + class_dim) * width
            once += 2 * 3 * 2 * (chunk + class_dim) * width
        image += _convolved(size, before, after, 1)
        # Fused with the doubling: each pixel sees two a row and a column, one at the edges.
        image += 2 * (4 * size - 2) ** 2 * before * after
        size *= 2
        image += _convolved(size, after, after)
        once += 3 * 2 * (before * after + 9 * before * after + 9 * after * after)
        if size == 8:
            c = after
            image += 2 * 64 * c * (c // 8 + c // 8 + c // 2 + c // 2)
            image += 2 * 64 * 16 * (c // 8 + c // 2)
            once += 3 * 2 * c * (c // 8 + c // 8 + c // 2 + c // 2)
    image += _convolved(16, 8, 3)
    once += 3 * 2 * 9 * 8 * 3
    z, labels = tf.constant(gan.sample_latents(n, seed=0)), tf.zeros([n], tf.int32)
    assert operations.flops(lambda z: gan.generate(z, labels), z) == n * image + once


def test_flops_of_stylegan2():
    channels, style = [12, 8, 4], 6
    gan = build(
        "stylegan2",
        resolution=16,
        latent_dim=5,
        w_dim=style,
        mapping_layers=2,
        channels=channels,
    )
    n = 3
    image = 2 * (5 * style + style * style)
    # Affine map and demodulation of each styled layer; pixels are not demodulated.
    layers = [(4, 12, 12, False), (4, 12, 8, True), (8, 8, 8, False), (8, 8, 4, True)]
    for size, before, after, up in [*layers, (16, 4, 4, False)]:
        image += 2 * style * before + 2 * before * after
        image += 2 * 9 * size**2 * before * after if up else _convolved(size, before, after)
    for size, before in ((4, 12), (8, 8), (16, 4)):
        image += 2 * style * before + _convolved(size, before, 3, 1)
    z = tf.constant(gan.sample_latents(n, seed=0))
    assert operations.flops(gan.generate, z) == n * image


def test_best_seconds_is_the_shortest_call(monkeypatch):
    times = iter([0.0, 5.0, 5.0, 7.0, 7.0, 10.0])
    monkeypatch.setattr(timing.time, "perf_counter", lambda: next(times))
    calls = []
    assert timing.best_seconds(lambda: calls.append(1), 3) == 2.0
    assert len(calls) == 4


def test_calls_take_turns():
    calls = []
    timing.best_of_each([lambda: calls.append("a"), lambda: calls.append("b")], 2)
    assert calls == ["a", "b"] * 3


def test_peak_is_the_fastest_product(monkeypatch):
    monkeypatch.setattr(timing, "best_of_each", lambda calls, repeats: [7.0, 2.0, 8.0])
    assert timing.seconds_and_peak(lambda: None, "float32", 1, (4, 8)) == (7.0, 2 * 8**3 / 8.0)


def test_architectures_have_a_resolution():
    gan = untrained("dcgan-64")
    assert gan.architecture == "dcgan" and gan.image_shape == (64, 64, 3)
    for name in ("dcgan", "dcgan-", "-64"):
        with pytest.raises(UserError, match="no architecture with a resolution"):
            untrained(name)
    with pytest.raises(UserError, match="dcgan"):
        untrained("dcgen-64")


@pytest.fixture
def source(tmp_path, tiny_dcgan):
    """A file of a tiny GAN."""
    path = tmp_path / "tiny.npz"
    save_gan(tiny_dcgan, path)
    return path


def test_loading_is_measured_in_a_process_of_its_own(source, tiny_dcgan):
    measured = loading.measure_loading(str(source), 1)
    assert measured.bytes == source.stat().st_size
    assert measured.weights == 4 * sum(
        int(np.prod(v.shape)) for v in tiny_dcgan.variables_by_path().values()
    )
    assert measured.read > 0 and measured.load > 0 and measured.memory >= 0
    record = measured.record()
    assert record["of_read"] == record["load"] / record["read"]
    assert record["of_weights"] == record["memory"] / record["weights"]
    assert json.loads(json.dumps(record)) == record


def test_a_process_that_cannot_load_ends_in_one_line(tmp_path, monkeypatch):
    (tmp_path / "tensorflow.py").write_text("raise ImportError('not for this processor')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(UserError, match=r"process of its own: .*not for this processor") as error:
        loading.measure_loading("any", 1)
    assert "\n" not in str(error.value)


def test_unknown_memory_is_left_out():
    measured = loading.Loading(bytes=8, read=0.5, load=2.0, weights=4, memory=None)
    assert measured.record() == {"bytes": 8, "read": 0.5, "load": 2.0, "weights": 4, "of_read": 4.0}
    assert str(measured) == "loading 2.00 s, 4.0 times reading its bytes"


def test_sources_and_architectures_are_measured(source, tiny_dcgan):
    said = []
    measurements = Measurements(
        kinds=("sampling", "steps"),
        methods=("bsa", "nst"),
        precisions=("float32",),
        batch_size=2,
        repeats=1,
        widths=(8, 16),
    )
    records = dict(benchmark([str(source)], ["dcgan-64"], measurements, said.append))
    assert list(records) == [str(source), "dcgan-64"]
    assert json.loads(json.dumps(records)) == records
    cell = records[str(source)]["float32"]
    assert cell["steps"].keys() == {"bsa"}
    step = cell["steps"]["bsa"]
    assert step["of_passes"] == step["seconds"] / step["passes"] > 0
    z = tf.constant(tiny_dcgan.sample_latents(2, seed=0))
    sampling = cell["sampling"]
    assert sampling["flops_per_image"] == operations.flops(tiny_dcgan.generate, z) / 2
    assert sampling["flops"] == sampling["images_per_second"] * sampling["flops_per_image"]
    assert sampling["of_peak"] == sampling["flops"] / sampling["peak_flops"]
    assert records["dcgan-64"]["float32"].keys() == {"sampling"}
    assert any("nst cannot be run: it trains nothing" in line for line in said)
    for number in (f"{sampling['images_per_second']:.2f} images/s", f"{step['seconds']:.3f} s"):
        assert any(number in line for line in said)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kinds": ["speed"]}, "Unknown measurement 'speed'.*loading"),
        ({"precisions": ["float8"]}, "Unknown precision 'float8'.*bfloat16"),
        ({"methods": ["bsd"]}, "Unknown method 'bsd'. Did you mean 'bsa'"),
    ],
)
def test_what_cannot_be_measured_is_told_before_anything_is(wrong, message):
    with pytest.raises(UserError, match=message):
        Measurements(**wrong)


def test_the_command_writes_what_is_measured(source, tmp_path):
    flags = [f"--sources={source}", "--measure=steps", "--methods=nst", "--precisions=float32"]
    done = forks().command("benchmark", *flags, "--out=speed.json", cwd=tmp_path)
    assert done.code == 0, done.stderr
    written = json.loads((tmp_path / "speed.json").read_text())
    assert written == {str(source): {"float32": {"steps": {}}}}
    assert "float32: nst cannot be run" in done.stdout
    done = forks().command("benchmark", "--measure=speed", cwd=tmp_path)
    assert done.code == 2 and "measurement 'speed'" in done.error


@pytest.mark.parametrize("name", ["minegan", "ewc"])
def test_a_step_and_its_passes(name, tiny_dcgan):
    step = steps.measure_step(name, tiny_dcgan, "float32", 2, 1, widths=[64])
    assert step.seconds > 0 and step.passes > 0
    assert step.flops_per_step is not None and step.flops_per_step > 0
    assert step.of_peak == pytest.approx(step.flops_per_step / step.seconds / step.peak_flops)


def test_passes_are_the_gradients_of_every_player():
    from tf_fewshot.methods.player import Group, Player

    a, b, late = (keras.Variable(x) for x in (2.0, 3.0, 5.0))
    players = [
        Player("first", [Group([a], 0.1)], lambda step: (a.value**2, {})),
        Player(
            "second",
            [Group([b], 0.1), Group([late], 0.1, begins=9)],
            lambda step: (b.value * late.value * tf.reduce_mean(step.pictures), {}),
        ),
    ]
    white = tf.fill([2, 4, 4, 3], tf.constant(255, tf.uint8))
    gradients = steps.gradients_of(players, 1, tf.range(2), white, None)
    assert [float(g) for g in gradients] == [4.0, 5.0]
    gradients = steps.gradients_of(players, 9, tf.range(2), white, None)
    assert [float(g) for g in gradients] == [4.0, 5.0, 3.0]


def test_steps_are_timed_when_all_moves():
    from tf_fewshot.methods.player import Group, Player

    players = [
        Player("g", [Group([], 0.1, begins=32)], lambda step: (tf.zeros([]), {})),
        Player("d", [Group([], 0.1)], lambda step: (tf.zeros([]), {}), lazy_interval=16),
    ]
    assert steps.whole_step(players) == 33
    assert steps.whole_step(players[1:]) == 1


@pytest.mark.download
@pytest.mark.parametrize(
    ("architecture", "changes"),
    [
        pytest.param("dcgan", {"widths": [8] * 3}, id="dcgan"),
        pytest.param("biggan", {"latent_dim": 8, "channels": [8] * 4}, id="biggan"),
    ],
)
@pytest.mark.large
def test_every_analysis_of_a_source_is_timed(architecture, changes, monkeypatch):
    monkeypatch.setattr(analyses, "_MOST", 1)
    gan = shaken(built(architecture, resolution=32, **changes))
    few = {field.name: 2 for field in dataclasses.fields(Amounts)}
    amounts = Amounts(**{**few, "frames": 3, "judged": 4, "training": 4, "unseen": 20})
    times = dict(measure_analyses(gan, 1, amounts))
    assert set(times) == {*ANALYSES, "pairs", "select"}
    for name, time in times.items():
        assert time.arrays.wall > 0 and time.whole.processor > 0
        assert (time.passes is None) == (name in ("change", "drift"))
        assert time.record()["whole"]["wall"] == time.whole.wall
    fisher = times["fisher"]
    assert fisher.passes is not None and fisher.of_passes is not None
    assert fisher.of_passes.wall == fisher.arrays.wall / fisher.passes.wall
    assert str(times["drift"]).endswith("no passes") and "passes" not in times["drift"].record()


def test_analyses_are_measured_where_they_are_asked_for(source, monkeypatch):
    taken = AnalysisTime(Seconds(8.0, 6.0), Seconds(3.0, 5.0), passes=Seconds(2.0, 4.0))
    monkeypatch.setattr(measure, "measure_analyses", lambda gan, repeats: [("fisher", taken)])
    said = []
    measurements = Measurements(kinds=["analyses"], precisions=())
    ((_, record),) = benchmark([str(source)], [], measurements, said.append)
    assert record == {"analyses": {"fisher": taken.record()}}
    assert taken.record()["of_passes"] == {"wall": 1.5, "processor": 1.25}
    assert said[-1] == (
        "  fisher 8.0 s with figures and files (6.0 of processors); arrays 3.00 s, 1.50 times its "
        "passes (1.25 of processors)"
    )


@pytest.mark.parametrize(
    "name", ["dcgan", pytest.param("biggan of choices", marks=pytest.mark.large)]
)
def test_a_bank_is_measured_where_it_is_asked_for(name, tmp_path):
    save_gan(source_of(name), tmp_path / "source.npz")
    said = []
    measurements = Measurements(kinds=["bank"], precisions=(), batch_size=3, repeats=3)
    place = str(tmp_path / "source.npz")
    ((_, record),) = benchmark([place], [], measurements, said.append)
    bank = record["bank"]
    assert (bank["domains"], bank["pictures"]) == (3, 10)
    assert 0.1 < bank["mixed_by_own"] < 30 and 0.1 < bank["mixed_by_one"] < 30
    gan = source_of(name).with_scale_shift()
    channels = sum(v.shape[0] for r in gan.scale_shift_roles() for v in (*r.gammas, *r.betas))
    raw = 4 * 100 * (channels + 10 * gan.free_latent_dim)
    assert 0.3 * raw < bank["bytes_of_hundred"] < raw
    assert said[-1].startswith("  bank: a batch of 3 domains takes ")


def test_a_ratio_is_that_of_most_turns():
    """One turn in three is disturbed, and decides nothing."""

    def busy(milliseconds):
        calls = itertools.count()

        def call():
            slow = 20 if next(calls) % 3 == 0 else 0
            end = process_time() + (milliseconds + slow) / 1000
            while process_time() < end:
                pass

        return call

    (ratio,) = ratios_by(busy(6), [busy(3)], 9)
    assert ratio == pytest.approx(2.0, abs=0.4)


# Earlier results and other programs --------------------------------------------------------


def test_numbers_are_held_against_earlier_ones(tmp_path):
    before = {"a": {"seconds": 2.0, "none": 0, "gone": 1.0, "of_peak": None}, "text": "x"}
    (tmp_path / "before.json").write_text(json.dumps(before))
    earlier = read_earlier(tmp_path / "before.json")
    now = {"a": {"seconds": 3.0, "none": 1.0, "new": 1.0, "of_peak": 0.5}, "text": "y"}
    assert ratios(now, earlier) == {"a/seconds": 1.5}


@pytest.mark.parametrize("text", ["", "[1]", '{"a": "b"}', "\0"])
def test_what_is_no_earlier_result(tmp_path, text):
    (tmp_path / "before.json").write_text(text)
    with pytest.raises(UserError, match=r"before\.json is no result of a benchmark"):
        read_earlier(tmp_path / "before.json")
    with pytest.raises(UserError, match=r"none\.json"):
        read_earlier(tmp_path / "none.json")


def test_two_programs_take_turns():
    busy = f"{sys.executable} -c 'sum(range(10_000_000))'"
    idle = f"{sys.executable} -c pass"
    time = measure_peer(busy, idle, 2)
    assert time.by_peer > 1 and time.processors > time.peer_processors
    assert f"{time.by_peer:.2f} times the peer's" in str(time)
    assert set(time.record()) >= {"by_peer", "seconds", "peer_seconds"}


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("'", "is no command: No closing quotation"),
        (" ", "is empty"),
        ("/no/such/program", "/no/such/program cannot be run: No such file"),
        (f"{sys.executable} -c 'exit(\"no data\")'", "ended with code 1, and said: no data"),
    ],
)
def test_a_program_that_cannot_be_timed(command, message):
    with pytest.raises(UserError, match=message):
        measure_peer(command, "true", 1)


def test_a_peer_has_a_command_of_ours_beside_it(tmp_path):
    done = forks().command("benchmark", "--peer=true", cwd=tmp_path)
    assert done.code == 2 and "--peer and --own go together" in done.error
    flags = ["--peer=true", "--own=true", "--repeats=1", "--out=now.json"]
    assert forks().command("benchmark", *flags, cwd=tmp_path).code == 0
    done = forks().command("benchmark", *flags, "--compare=now.json", cwd=tmp_path)
    assert done.code == 0, done.stderr
    assert "times now.json:" in done.stdout and "  peer/seconds " in done.stdout
