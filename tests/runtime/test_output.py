"""Everything written: whole or not at all, and never the wrong file."""

import errno
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from mothernet_runtime.output import check_output, written

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes, links and special files are those of POSIX")

WRITE = "import sys; from mothernet_runtime.output import written\n"
WRITE += "with written(sys.argv[1]) as path: path.write_bytes(b'whole')\n"


def write(path, content="new", **options):
    with written(path, **options) as temporary:
        temporary.write_text(content)


def run(code, *arguments, **options):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=60, **options)


def leftovers(folder):
    return [name for name in os.listdir(folder) if name.startswith(".mothernet-")]


def refused(path, message, **options):
    """Both refuse it with this message, and nothing is left."""
    before = leftovers(tempfile.gettempdir())
    for attempt in (check_output, write):
        with pytest.raises((ValueError, OSError), match=message) as error:
            attempt(path, **options)
        assert "\n" not in str(error.value)
    assert set(leftovers(tempfile.gettempdir())) <= set(before)


def test_content_appears_when_the_block_ends_and_not_before(tmp_path):
    path = tmp_path / "out"
    with written(path) as temporary:
        assert isinstance(temporary, Path)
        assert temporary.parent == tmp_path and temporary.read_bytes() == b""
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_after_an_error_all_is_as_before(tmp_path, error):
    path = tmp_path / "out"
    for before in (None, "old"):
        if before:
            path.write_text(before)
        with pytest.raises(error), written(path) as temporary:
            temporary.write_text("new")
            raise error
        assert (path.read_text() if path.exists() else None) == before
        assert leftovers(tmp_path) == []


def test_old_file_keeps_its_mode_and_a_new_one_follows_the_umask(tmp_path):
    old_mask = os.umask(0o027)
    try:
        for mode in (0o600, 0o644, 0o400):
            path = tmp_path / f"{mode:o}"
            path.write_text("old")
            path.chmod(mode)
            with written(path) as temporary:
                temporary.write_text("new")
                assert stat.S_IMODE(temporary.stat().st_mode) == 0o600  # nobody else reads what may become private
            assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", mode)
        write(tmp_path / "new")
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    finally:
        os.umask(old_mask)


def test_links_are_followed_and_kept(tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    (tmp_path / "one").symlink_to("folder/two")
    (tmp_path / "folder" / "two").symlink_to("three")  # dangling
    monkeypatch.chdir(tmp_path)
    for content in ("first", "second"):
        write("one", content)
        assert (tmp_path / "folder" / "three").read_text() == content
    assert (tmp_path / "one").is_symlink() and (tmp_path / "folder" / "two").is_symlink()


def test_names_may_be_as_long_as_the_system_allows_and_hold_any_byte(tmp_path):
    for name in ("x" * 255, "é" * 127, "a\nb", os.fsdecode(b"\xff\xfe"), "-", "space ", ".hidden"):
        write(tmp_path / name)
        assert (tmp_path / name).read_text() == "new"
    refused(tmp_path / ("x" * 256), "File name too long")


def test_what_is_no_place_for_a_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("pool")
    (tmp_path / "pool").symlink_to("loop")
    (tmp_path / "file").write_text("old")
    refused("", "an empty path")
    refused(tmp_path, "is a folder. Add the name of a file")
    refused("new/", "'new/' is a folder")
    refused("file/", "Not a directory")
    refused("file/new", "Not a directory")
    refused("absent/new", "a folder that exists, however: 'absent/new'. Create '.*absent' first")
    refused("loop", "however: 'loop': Too many levels of symbolic links")
    refused("nul\0", "embedded null byte")
    refused("/dev/fd/987", "descriptor 987 is closed")
    assert sorted(os.listdir(tmp_path)) == ["file", "loop", "pool"]


def test_folder_that_cannot_be_written_to_is_refused(tmp_path, monkeypatch):
    if os.geteuid() == 0:  # root may write anywhere
        monkeypatch.setattr(os, "access", lambda path, mode: os.fspath(path) != os.fspath(tmp_path))
    tmp_path.chmod(0o500)
    refused(tmp_path / "new", "a folder that can be written to, however: .*new'. Change the permissions of")
    tmp_path.chmod(0o700)


def test_inputs_are_never_overwritten_by_any_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("rows").write_text("rows")
    os.link("rows", "hard")
    os.symlink("rows", "soft")
    for name in ("rows", "./rows", tmp_path / "rows", "hard", "soft"):
        refused(
            name, "must be another file than the input, however: .* is 'rows'. Choose", inputs=["-", "absent", "rows"]
        )
        refused("rows", "must be another file than the input", inputs=[name])
    write("other", inputs=["rows", "absent"])
    write(os.devnull, inputs=[os.devnull])
    assert Path("rows").read_text() == "rows"


def test_standard_output_that_is_an_input_is_refused(tmp_path):
    code = "import sys; from mothernet_runtime.output import check_output; check_output('-', inputs=[sys.argv[1]])"
    (tmp_path / "rows").write_text("rows")
    with open(tmp_path / "rows", "a") as stream:
        command = [sys.executable, "-c", code, tmp_path / "rows"]
        done = subprocess.run(command, stdout=stream, stderr=subprocess.PIPE, timeout=60)
    assert b"the output must be another file than the input, however: standard output is" in done.stderr


STREAMS = ["-", "/dev/stdout", "/dev/fd/1", *["/proc/self/fd/1"] * os.path.isdir("/proc/self")]


@pytest.mark.parametrize("name", STREAMS)
def test_streams_get_the_content_and_lose_nothing_before_it(tmp_path, name):
    code = "print('before')\n" + WRITE
    assert run(code, name).stdout == b"before\nwhole"
    (tmp_path / "all").write_bytes(b"first\n")
    with open(tmp_path / "all", "ab") as stream:  # >> all
        subprocess.run([sys.executable, "-c", code, name], stdout=stream, check=True, timeout=60)
    assert (tmp_path / "all").read_bytes() == b"first\nbefore\nwhole"


def test_stream_gets_nothing_of_a_failed_block():
    code = WRITE.replace("b'whole')", "b'whole'); 1 / 0")
    done = run(code, "-")
    assert (done.returncode, done.stdout) == (1, b"")


def test_special_files_are_written_to_and_never_replaced(tmp_path):
    write(os.devnull)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = subprocess.Popen(["cat", fifo], stdout=subprocess.PIPE)
    write(fifo, "through the pipe")
    assert reader.communicate(timeout=60)[0] == b"through the pipe"
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert os.listdir(tmp_path) == ["fifo"]
    read, write_end = os.pipe()
    write(f"/dev/fd/{write_end}", "descriptor")
    assert os.read(read, 100) == b"descriptor"
    os.close(read), os.close(write_end)


def test_socket_is_refused(tmp_path):
    socket = pytest.importorskip("socket")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(tmp_path / "s"))
        refused(tmp_path / "s", "a file or device to write to")


def test_closed_standard_output_is_one_clear_error():
    done = subprocess.run(
        f'{sys.executable} -c "{WRITE}" - >&-', shell=True, capture_output=True, text=True, timeout=60
    )
    assert done.stderr.splitlines()[-1] == "OSError: standard output is closed. Give the name of a file."


def test_reader_that_left_is_a_broken_pipe_without_a_second_complaint():
    code = f"try:\n exec({WRITE!r})\nexcept BrokenPipeError: sys.stderr.write('broken')"
    read, write_end = os.pipe()
    os.close(read)
    done = subprocess.run([sys.executable, "-c", code, "-"], stdout=write_end, stderr=subprocess.PIPE, timeout=60)
    os.close(write_end)
    assert (done.returncode, done.stderr) == (0, b"broken")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("name", ["-", "/dev/full"])
def test_full_disk_names_the_output(name):
    code = f"try:\n exec({WRITE!r})\nexcept OSError as error: sys.stderr.write(str(error))"
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, "-c", code, name], stdout=full, stderr=subprocess.PIPE, timeout=60)
    shown = "standard output" if name == "-" else "'/dev/full'"
    assert done.stderr.decode().startswith(f"cannot write {shown}: No space left on device. Free some space")


def test_disk_that_fills_up_while_writing_names_the_output(tmp_path):
    with (
        pytest.raises(OSError, match=r"cannot write '.*out': No space left on device\. Free"),
        written(tmp_path / "out"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert os.listdir(tmp_path) == []


def test_temporary_file_of_a_killed_run_is_removed_by_the_next_for_the_same_target(tmp_path):
    code = WRITE.replace("b'whole')", "b'part'); print('ready', flush=True); import time; time.sleep(60)")
    processes = {}
    for name in ("killed", "other", "alive"):
        path = tmp_path / ("out" if name != "other" else "other")
        processes[name] = subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE)
        assert processes[name].stdout.readline() == b"ready\n"
    for name in ("killed", "other"):
        processes[name].send_signal(signal.SIGKILL)
        processes[name].wait()
    try:
        assert len(leftovers(tmp_path)) == 3
        write(tmp_path / "out")
        left = leftovers(tmp_path)
        assert len(left) == 2  # of the other target, and of the run that is alive
        assert any(f"-{processes['alive'].pid}-" in name for name in left)
        assert not any(f"-{processes['killed'].pid}-" in name for name in left)
        write(tmp_path / "other")
        assert len(leftovers(tmp_path)) == 1
    finally:
        processes["alive"].kill()
        processes["alive"].wait()
        for process in processes.values():
            process.stdout.close()


def test_file_of_a_killed_run_with_output_to_a_stream_is_removed_too(tmp_path):
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    code = WRITE.replace("b'whole')", "b'part'); import os; os.kill(os.getpid(), 9)")
    assert run(code, "-", env=environment).returncode == -9
    assert len(leftovers(tmp_path)) == 1
    assert run(WRITE, "-", env=environment).stdout == b"whole"
    assert leftovers(tmp_path) == []


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    with written(tmp_path / "out") as one, written(tmp_path / "out") as two:
        one.write_text("one")
        two.write_text("two")
        assert one != two
    assert (tmp_path / "out").read_text() == "one"  # who ends last
    assert leftovers(tmp_path) == []


def test_check_writes_nothing_and_is_quick(tmp_path):
    start = time.perf_counter()
    for _ in range(100):
        check_output(tmp_path / "out")
    assert os.listdir(tmp_path) == []
    assert time.perf_counter() - start < 5
