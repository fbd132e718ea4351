"""Seeds, progress, memory, executors and stores."""

from __future__ import annotations

import concurrent.futures
import io
import itertools
import multiprocessing
import os
import re
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

from algeom.errors import AlgeomError, InputError, ResourceError
from algeom.runtime import blas, execution, memory, progress, seeds, store
from algeom.runtime.compilation import compile_clock

# -- seeds


@pytest.mark.parametrize("rng", [None, 5, np.int64(5), 2**80, np.random.default_rng(3)])
def test_the_resolved_seed_repeats_the_generator(rng):
    seed, generator = seeds.resolve(rng)
    again, same = seeds.resolve(seed)
    assert seed == again
    assert isinstance(seed, int)
    assert np.array_equal(generator.integers(1 << 62, size=5), same.integers(1 << 62, size=5))


def test_fresh_seeds_differ():
    assert seeds.resolve(None)[0] != seeds.resolve(None)[0]
    generator = np.random.default_rng(0)
    assert seeds.resolve(generator)[0] != seeds.resolve(generator)[0]


@pytest.mark.parametrize("rng", [-1, 1.5, "7", True, np.random.RandomState(1)])
def test_other_seeds_are_refused(rng):
    with pytest.raises(InputError, match="non-negative integer"):
        seeds.resolve(rng)


def test_derived_streams_depend_on_labels_only():
    labels = [(), (0,), (1,), ("0",), ("a", "b"), ("ab",), ("b", "a"), ("a", 1), ("a1",), (1, "a"), (-1,)]
    forward = {x: int(seeds.derive(9, *x).integers(1 << 62)) for x in labels}
    backward = {x: int(seeds.derive(9, *x).integers(1 << 62)) for x in reversed(labels)}
    assert forward == backward
    assert len(set(forward.values())) == len(labels)
    assert forward[("a", 1)] != int(seeds.derive(10, "a", 1).integers(1 << 62))


# -- progress


def test_silence_costs_an_empty_call():
    with progress.reporter(False) as report:
        assert report.start("x", 3) is None
        assert report.advance(block=1) is None
        report.message("nobody hears this")
        assert type(report) is progress.Reporter


def test_a_callable_receives_every_step():
    seen: list[progress.ProgressEvent] = []
    with progress.reporter(seen.append) as report:
        report.start("degree 3", total=10)
        report.advance(4, block=(1, 2), size=20)
        report.advance()
        report.start("degree 4")
        report.message("half way")
    assert [(e.kind, e.stage, e.done, e.total) for e in seen] == [
        ("start", "degree 3", 0, 10),
        ("advance", "degree 3", 4, 10),
        ("advance", "degree 3", 5, 10),
        ("start", "degree 4", 0, None),
        ("message", "degree 4", 0, None),
    ]
    assert seen[1].info == {"block": (1, 2), "size": 20}
    assert seen[-1].message == "half way"
    assert all(a.elapsed <= b.elapsed for a, b in itertools.pairwise(seen))
    with pytest.raises(AttributeError):
        seen[0].done = 3  # type: ignore[misc]


def test_what_the_callable_raises_ends_the_work():
    def stop(event):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"), progress.reporter(stop) as report:
        report.start("x")


@pytest.mark.parametrize("value", [None, 1, 0, "yes"])
def test_other_progress_is_refused(value):
    with pytest.raises(InputError, match="expected False, True or a callable"), progress.reporter(value):
        pass


def test_plain_lines_where_there_is_no_terminal(capsys):
    with progress.reporter(True) as report:
        report.start("degree 2", total=3)
        for k in range(3):
            report.advance(block=k, size=6)
        report.message("done [bold]really[/bold]")
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert len(lines) == 2, "start and message; the steps between come too soon after one another"
    assert lines[0].startswith("degree 2: 0/3")
    assert lines[1] == "done [bold]really[/bold]"


def test_plain_lines_come_each_few_seconds():
    screen = io.StringIO()
    lines = progress.LineDisplay(screen, interval=5.0)
    for kind, done, elapsed in [
        ("start", 0, 0.1),
        ("advance", 1, 4.0),
        ("advance", 2, 5.2),
        ("advance", 3, 9.0),
        ("start", 0, 9.1),
    ]:
        lines(progress.ProgressEvent(kind, "degree 2", done, 4, {"size": 6} if done else {}, elapsed))
    assert screen.getvalue().splitlines() == [
        "degree 2: 0/4, 0.1 s",
        "degree 2: 2/4, 5.2 s, size 6",
        "degree 2: 0/4, 9.1 s",
    ]


def test_bars_in_a_terminal():
    from rich.console import Console

    screen = io.StringIO()
    bars = progress.BarDisplay(Console(file=screen, force_terminal=True, width=120))
    report = progress.EventReporter(bars)
    try:
        report.advance(0)  # before any stage there is nothing to draw
        report.start("degree 2", total=3)
        report.advance(2, degree=2, block="[1, 1]", size=6)
        bars._bars.refresh()
        report.message("compiling")
        report.start("degree 3")
        report.advance()
    finally:
        bars.close()
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.getvalue())
    assert "degree 2" in text
    assert "2/3" in text
    assert "degree 2, block [1, 1], size 6" in text
    assert "compiling" in text
    assert "left" in text


def test_compilation_is_announced_once_and_timed():
    import numba

    @numba.njit
    def plus_one(x):
        return x + 1

    @numba.njit
    def plus_two(x):
        return plus_one(plus_one(x))

    seen: list[progress.ProgressEvent] = []
    with progress.reporter(seen.append), compile_clock() as clock:
        assert plus_two(1) == 3
        assert plus_two(1.5) == 3.5
    if numba.config.DISABLE_JIT:
        assert seen == []
    else:
        assert [e.message for e in seen] == [progress.COMPILING]
        assert 0 < clock.seconds < 60
        assert clock.kernels == 4
    with compile_clock() as clock:
        plus_two(2)
    assert clock.seconds == 0


# -- memory


def test_available_memory_is_plausible():
    assert 2**20 < memory.available_bytes() < 2**50
    assert memory.parse_limit(None) < memory.available_bytes() * 1.2


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4GB", 4 * 10**9),
        ("4 gib", 2**32),
        ("512M", 512 * 10**6),
        (".5k", 500),
        ("100", 100),
        ("7b", 7),
        (2.0**30, 2**30),
    ],
)
def test_sizes(text, size):
    assert memory.parse_limit(text) == size


@pytest.mark.parametrize("limit", ["", "GB", "-1GB", "4XB", 0, -5, True, float("nan"), float("inf"), [1]])
def test_other_sizes_are_refused(limit):
    with pytest.raises(InputError, match="memory_limit"):
        memory.parse_limit(limit)


def test_work_that_does_not_fit_is_refused_with_its_size():
    memory.require(10**9, 10**9, "work", "remedy")
    with pytest.raises(
        ResourceError, match=r"the block needs about 2\.0 GB.* limit is 1\.0 GB.*1GB.*: lower max_degree"
    ):
        memory.require(2 * 10**9, "1GB", "the block", "lower max_degree")
    with pytest.raises(MemoryError, match="80 % of what is available"):
        memory.require(1e18, None, "the block", "lower max_degree")


@pytest.mark.parametrize(
    ("lines", "files", "expected"),
    [
        ("0::/a/b\n", {"a/memory.max": "1000", "a/memory.current": "400", "a/b/memory.max": "max"}, 600),
        (
            "0::/gone\n",
            {"memory.max": "900", "memory.current": "500", "memory.stat": "anon 3\ninactive_file 50\n"},
            450,
        ),
        (
            "5:cpu:/x\n4:memory:/j\n",
            {"memory/j/memory.limit_in_bytes": "70", "memory/j/memory.usage_in_bytes": "90"},
            0,
        ),
        ("0::/\n", {"memory.max": "max", "memory.current": "5"}, None),
        ("5:cpu:/x\n", {}, None),
    ],
)
def test_control_group_limits(tmp_path, lines, files, expected):
    for name, text in files.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "own").write_text(lines)
    assert memory._cgroup_bytes(tmp_path / "root", tmp_path / "own") == expected
    assert memory._cgroup_bytes(tmp_path, tmp_path / "missing") is None


@pytest.mark.skipif(sys.platform != "linux", reason="ulimit -v is Linux's")
def test_ulimit_is_respected():
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, -1 if False else 3 * 2**30));"
        "from algeom.runtime.memory import available_bytes; print(available_bytes())"
    )
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert 0 < int(done.stdout) < 3 * 2**30


# -- execution


def square(x):
    return x * x


def fail_at_three(x):
    if x == 3:
        raise ValueError("three")
    return x


EXPECTED = {k: k * k for k in range(50)}


@pytest.mark.parametrize("threads", [None, 1, 2, 7])
@pytest.mark.parametrize("costs", [None, [1.0] * 50, [1e7 * (k % 3) for k in range(50)], [1e5] * 50])
def test_all_results_arrive_with_their_index(threads, costs):
    assert dict(execution.run_tasks(square, range(50), threads=threads, costs=costs)) == EXPECTED


def test_no_tasks():
    assert list(execution.run_tasks(square, [])) == []
    assert list(execution.run_tasks(square, [], costs=[])) == []
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        assert list(execution.run_tasks(square, [], executor=pool)) == []


@pytest.mark.parametrize("costs", [None, [1e5] * 50, [1e9] * 50])
def test_a_given_thread_pool(costs):
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        assert dict(execution.run_tasks(square, range(50), executor=pool, costs=costs)) == EXPECTED
        assert pool.submit(square, 3).result() == 9, "somebody else's pool is left open"


def test_a_given_process_pool():
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        # A function of the library itself: what runs elsewhere must be importable there.
        found = dict(execution.run_tasks(store.task_key, [1, 2], executor=pool))
    assert found == {0: store.task_key(1), 1: store.task_key(2)}


def test_the_most_expensive_task_starts_first():
    started = []

    def note(task):
        started.append(task)

    list(execution.run_tasks(note, ["small", "large", "middle"], threads=1, costs=[1e7, 1e9, 1e8]))
    assert started == ["large", "middle", "small"]


def test_small_tasks_run_in_the_calling_thread():
    def where(_):
        return threading.current_thread()

    assert {t for _, t in execution.run_tasks(where, range(9), costs=[10.0] * 9)} == {threading.current_thread()}
    big = {t for _, t in execution.run_tasks(where, range(9), costs=[1e8] * 9, threads=2)}
    assert threading.current_thread() not in big
    assert len(big) <= 2


def test_small_tasks_travel_together():
    chunks = execution._chunks(list(range(1000)), [1e4] * 999 + [5e7])
    assert chunks[0] == [(999, 999)]
    assert sorted(i for chunk in chunks for i, _ in chunk) == list(range(1000))
    assert len(chunks) < 15


def blas_libraries():
    """All BLAS libraries; others with threads, such as OpenMP, may be loaded as well."""
    return [library for library in threadpool_info() if library["user_api"] == "blas"]


def test_threads_are_shared_out_and_never_nested():
    def own_threads(_):
        blas = blas_libraries()
        return execution.task_threads(), {library["num_threads"] for library in blas}

    found = [r for _, r in execution.run_tasks(own_threads, range(4), costs=[1e8] * 4, threads=4)]
    assert found == [(1, {1})] * 4
    unlimited = {library["num_threads"] for library in blas_libraries()}
    found = [r for _, r in execution.run_tasks(own_threads, [0], costs=[1e9], threads=2)]
    assert found == [(2, unlimited)]
    assert execution.task_threads() == execution.cores() >= 1


def test_blas_threads_are_given_back():
    def count():
        return [library["num_threads"] for library in blas_libraries()]

    before = count()
    with blas.one_blas_thread():
        assert set(count()) == {1}
    assert count() == before
    with pytest.raises(ValueError, match="three"):
        list(execution.run_tasks(fail_at_three, range(9), threads=2))
    assert count() == before


@pytest.mark.parametrize("kind", ["serial", "threads", "executor"])
def test_exceptions_propagate_and_cancel_the_rest(kind):
    done = []

    def work(x):
        if x == 3:
            raise ValueError("three")
        done.append(x)
        time.sleep(0.01)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        options = {"serial": {"threads": 1}, "threads": {"threads": 2}, "executor": {"executor": pool}}[kind]
        with pytest.raises(ValueError, match="three"):
            list(execution.run_tasks(work, range(200), **options))
    assert len(done) < 20


def test_a_consumer_that_stops_cancels_the_rest():
    started = []

    def work(x):
        started.append(x)
        time.sleep(0.005)

    results = execution.run_tasks(work, range(500), threads=2)
    next(results)
    results.close()
    time.sleep(0.05)
    assert len(started) < 20


def test_few_tasks_are_in_flight():
    class Counting(concurrent.futures.Executor):
        _max_workers = 3

        def __init__(self):
            self.pool = concurrent.futures.ThreadPoolExecutor(3)
            self.open = self.most = 0
            self.lock = threading.Lock()

        def submit(self, function, /, *args, **kwargs):
            with self.lock:
                self.open += 1
                self.most = max(self.most, self.open)
            future = self.pool.submit(function, *args, **kwargs)
            future.add_done_callback(self.count_down)
            return future

        def count_down(self, _):
            with self.lock:
                self.open -= 1

    executor = Counting()
    assert dict(execution.run_tasks(square, range(50), executor=executor)) == EXPECTED
    executor.pool.shutdown()
    assert executor.most <= 6


@pytest.mark.parametrize("options", [{"threads": 0}, {"costs": [1.0]}])
def test_wrong_options_are_refused_at_once(options):
    with pytest.raises(InputError):
        execution.run_tasks(square, range(50), **options)


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_returns_at_once():
    code = textwrap.dedent(
        """
        import os, signal, time
        signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background start with it ignored
        from algeom.runtime.execution import run_tasks
        started = []
        def work(k):
            started.append(k)
            if k == 0:
                print("running", flush=True)
            time.sleep(0 if k == 0 else 30)
        begin = time.perf_counter()
        try:
            for index, _ in run_tasks(work, range(100), threads=2):
                pass
        except KeyboardInterrupt:
            print("interrupted", len(started) <= 6, time.perf_counter() - begin < 10, flush=True)
            os._exit(0)
        """
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        try:
            out, _ = process.communicate(timeout=20)
        finally:
            process.kill()
    assert out == "interrupted True True\n"


# -- stores

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary() | st.fractions(),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def typed(value):
    """Tell 1, 1.0, True, Fraction(1) and 0.0, -0.0 apart, as keys do."""
    if isinstance(value, tuple):
        return ("t", *map(typed, value))
    if isinstance(value, dict):
        return ("d", *sorted((k, typed(v)) for k, v in value.items()))
    return (type(value).__name__, repr(value))


@given(VALUES, VALUES)
def test_keys_are_equal_exactly_when_tasks_are(a, b):
    assert (store.task_key(a) == store.task_key(b)) == (typed(a) == typed(b))


def test_keys_of_arrays():
    a = np.arange(6)
    keys = {
        store.task_key(x)
        for x in (a, a.reshape(2, 3), a.reshape(3, 2), a.astype(np.int32), a.astype(float), a + 1, a.tolist())
    }
    assert len(keys) == 7
    assert store.task_key(a.reshape(2, 3).T.copy(order="F")) == store.task_key(a.reshape(2, 3).T.copy())
    assert store.task_key(a.astype(">i8")) == store.task_key(a)
    assert store.task_key(np.int64(3), [1]) == store.task_key(3, (1,))


@pytest.mark.parametrize("part", [object(), {1, 2}, np.array([object()])])
def test_other_keys_are_refused(part):
    with pytest.raises(InputError, match="cannot be part of a task's key"):
        store.task_key(part)


def test_arrays_round_trip():
    arrays = {
        "null_space": np.random.default_rng(0).standard_normal((3, 4)),
        "pivots": np.arange(5),
        "rank": np.int64(7),
        "empty": np.zeros((0, 3)),
        "name": np.array("block"),
    }
    back = store.unpack_arrays(store.pack_arrays(arrays))
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        assert back[name].dtype == np.asarray(array).dtype
        assert np.array_equal(back[name], array)
    with pytest.raises(InputError, match="Python objects"):
        store.pack_arrays({"big": np.array([10**30])})


def test_damaged_arrays_are_noticed():
    data = bytearray(store.pack_arrays({"x": np.arange(100)}))
    data[len(data) // 2] ^= 1
    with pytest.raises(InputError, match="damaged"):
        store.unpack_arrays(bytes(data))
    for other in (b"", b"nonsense", bytes(data[:50])):
        with pytest.raises(InputError, match="damaged"):
            store.unpack_arrays(other)


def test_a_store_keeps_results(tmp_path):
    path = tmp_path / "blocks.algeom"
    with store.Store(path) as kept:
        assert kept.get("a") is None
        assert kept.get_arrays("a") is None
        kept.put("a", b"one")
        kept.put("a", b"two")
        kept.put_arrays("b", {"x": [1, 2]})
        assert "a" in kept
        assert "c" not in kept
    with store.Store(str(path)) as kept:
        assert kept.get("a") == b"two"
        assert kept.get_arrays("b")["x"].tolist() == [1, 2]
        assert list(kept) == ["a", "b"]
        assert repr(kept) == f"Store({str(path)!r}, 2 results)"
    with pytest.raises(InputError, match="closed"):
        kept.get("a")


def test_two_processes_or_many_threads_share_a_store(tmp_path):
    path = tmp_path / "blocks.algeom"

    def fill(k):
        own = store.Store(path)
        for j in range(20):
            own.put(f"{k} {j}", bytes([j]))
        own.close()

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(fill, range(4)))
        # Several that lay out the same new file at once: each sees a store or an empty file, never half of one.
        for k in range(10):
            for made in list(pool.map(lambda _, k=k: store.Store(tmp_path / f"{k}.algeom"), range(4))):
                made.close()
    with store.Store(path) as one, store.Store(path) as two, concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert len(one) == 80
        one.put("new", b"x")
        assert two.get("new") == b"x"
        list(pool.map(lambda k: one.put(f"shared {k}", b"y"), range(40)))
        assert len(two) == 121


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals")
def test_a_killed_process_leaves_what_it_put(tmp_path):
    path = tmp_path / "blocks.algeom"
    code = textwrap.dedent(
        f"""
        from algeom.runtime.store import Store
        store = Store({str(path)!r})
        k = 0
        while True:
            store.put(str(k), b"x" * 10000)
            print(k, flush=True)
            k += 1
        """
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 30:
                break
        process.kill()
    with store.Store(path) as kept:
        assert all(kept.get(str(k)) == b"x" * 10000 for k in range(31))


def test_an_executor_has_submit():
    with pytest.raises(InputError, match=r"executor=3 has no method `submit`"):
        execution.run_tasks(abs, [1, 2], executor=3)


def test_foreign_and_damaged_files_are_refused(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("not a database\n" * 100)
    with pytest.raises(InputError, match=r"is not a store of algeom .* give another path$"):
        store.Store(text)

    foreign = tmp_path / "foreign.db"
    connection = sqlite3.connect(foreign)
    connection.execute("CREATE TABLE results (key, value)")
    connection.commit()
    connection.close()
    with pytest.raises(InputError, match="another program"):
        store.Store(foreign)
    assert text.read_text().startswith("not a database"), "a foreign file is left alone"

    with pytest.raises(InputError, match="folder"):
        store.Store(tmp_path)
    with pytest.raises(InputError, match="cannot be opened"):
        store.Store(tmp_path / "missing" / "x.algeom")

    old = tmp_path / "old.algeom"
    store.Store(old).close()
    connection = sqlite3.connect(old)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(InputError, match="format 99"):
        store.Store(old)

    torn = tmp_path / "torn.algeom"
    with store.Store(torn) as kept:
        for k in range(50):
            kept.put(str(k), b"x" * 5000)
    with open(torn, "r+b") as file:
        file.seek(4096)
        file.write(os.urandom(100_000))
    with pytest.raises(AlgeomError, match="damaged"), store.Store(torn) as kept:
        [kept.get(key) for key in list(kept)]
