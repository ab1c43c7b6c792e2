// Reads metadata_props of an .onnx file, which onnxruntime-node keeps to itself.
//
// An .onnx file is one protobuf message, a flat list of fields; field 14 of it is one {1: key, 2: value} each. That part
// of the format cannot change without breaking every ONNX reader, so these lines need no protobuf library.

const METADATA_PROPS = 14;

/** Metadata of a model as an object. Throws if `bytes` (a Buffer) is no such message or is cut off. */
export function readMetadata(bytes) {
  const metadata = {};
  for (const [number, payload] of fields(bytes)) {
    if (number !== METADATA_PROPS) continue;
    const entry = Object.fromEntries(fields(payload));
    metadata[entry[1].toString()] = entry[2].toString();
  }
  return metadata;
}

function* fields(bytes) {
  let position = 0;
  const varint = () => {
    for (let value = 0, scale = 1; position < bytes.length; scale *= 128) {
      const byte = bytes[position++];
      value += (byte & 127) * scale; // no shifts: those stop at 32 bits
      if (byte < 128) return value;
    }
    throw new Error("not an .onnx file, or one that is cut off");
  };
  while (position < bytes.length) {
    const key = varint();
    const type = key % 8;
    let size = { 1: 8, 5: 4 }[type];
    if (type === 0) size = varint() && 0;
    if (type === 2) size = varint();
    if (size === undefined || position + size > bytes.length) {
      throw new Error("not an .onnx file, or one that is cut off");
    }
    yield [Math.floor(key / 8), bytes.subarray(position, (position += size))];
  }
}
