"""Files that are no model, each with a message of its own."""

import contextlib
import pickle

import pytest
from mothernet_runtime import ModelFileError, load

onnx = pytest.importorskip("onnx")


@pytest.fixture
def data(golden):
    return (golden / "model.onnx").read_bytes()


@pytest.fixture
def load_bytes(tmp_path):
    def load_bytes(data):
        (tmp_path / "m.onnx").write_bytes(data)
        return load(tmp_path / "m.onnx")

    return load_bytes


def with_metadata(data, **changes):
    model = onnx.load_from_string(data)
    metadata = {entry.key: entry.value for entry in model.metadata_props} | {
        f"mothernet.{key}": value for key, value in changes.items()
    }
    onnx.helper.set_model_props(model, {key: value for key, value in metadata.items() if value is not None})
    return model.SerializeToString()


def test_missing_file_is_not_found(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no model file .*absent\.onnx"):
        load(tmp_path / "absent.onnx")


def test_folder_is_no_model(tmp_path):
    with pytest.raises(ValueError, match="is a folder"):
        load(tmp_path)


@pytest.mark.parametrize(
    "content", [b"age,city\n1,Bern\n", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"PK\x03\x04" + bytes(60)]
)
def test_other_files_are_not_onnx(load_bytes, content):
    with pytest.raises(ModelFileError, match="is not an ONNX file"):
        load_bytes(content)


def test_pickle_is_never_unpickled(load_bytes):
    with pytest.raises(ModelFileError, match="is not an ONNX file"):
        load_bytes(pickle.dumps({"a": 1}))


def test_empty_file_says_so(load_bytes):
    with pytest.raises(ModelFileError, match="is empty"):
        load_bytes(b"")


def test_file_cut_off_anywhere_is_refused(load_bytes, data):
    for size in [*range(1, 40), *range(40, len(data), 97), *range(len(data) - 40, len(data))]:
        with pytest.raises(ModelFileError) as error:
            load_bytes(data[:size])
        assert "cut off" in str(error.value) or "damaged" in str(error.value) or size < 40, (size, error.value)


def test_file_with_a_flipped_byte_never_crashes(load_bytes, data):
    for position in range(0, len(data), 53):
        damaged = bytearray(data)
        damaged[position] ^= 0xFF
        with contextlib.suppress(ValueError):
            load_bytes(bytes(damaged))


def test_foreign_onnx_file_is_named_as_such(load_bytes, data):
    model = onnx.load_from_string(data)
    del model.metadata_props[:]
    with pytest.raises(ModelFileError, match=r"is an ONNX file, but not one of MotherNet .*mothernet export"):
        load_bytes(model.SerializeToString())


@pytest.mark.parametrize("version", ["2", "10", "1.1", ""])
def test_newer_format_asks_for_an_upgrade(load_bytes, data, version):
    with pytest.raises(ModelFileError, match=f"has format '{version}'; this runtime reads format 1. Upgrade"):
        load_bytes(with_metadata(data, format=version))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"schema": "{}"}, "does not match its hash"),
        ({"schema": None}, "'mothernet.schema' is missing"),
        ({"schema_hash": None}, "'mothernet.schema_hash' is missing"),
        ({"versions": None}, "'mothernet.versions' is missing"),
        ({"self_test": "{"}, "Expecting"),
    ],
)
def test_damaged_metadata_names_what_is_wrong(load_bytes, data, changes, reason):
    with pytest.raises(ModelFileError, match=f"damaged metadata: .*{reason}"):
        load_bytes(with_metadata(data, **changes))


def test_graph_that_onnxruntime_refuses_names_its_version(load_bytes, data):
    model = onnx.load_from_string(data)
    model.opset_import[0].version = 9999
    with pytest.raises(ModelFileError, match=r"onnxruntime \d.* cannot open"):
        load_bytes(model.SerializeToString())
