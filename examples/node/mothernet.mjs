// Opens models with onnxruntime-node.
//
//     import { load } from "./mothernet.mjs";
//     const model = await load("survived.onnx");
//     const [{ label, probabilities }] = await model.predict([{ age: 30, town: "Bern" }]);

import { readFile } from "node:fs/promises";
import { openModel } from "../javascript/model.mjs";

process.env.ORT_DISABLE_TELEMETRY ??= "1"; // read when onnxruntime loads, so it is imported after this line
const runtime = (await import("onnxruntime-node")).default;

/**
 * The model in a file; rows are given to its `predict`.
 *
 * @param {string | URL} path
 * @returns {Promise<import("../javascript/model.mjs").Model>}
 */
export async function load(path) {
  return openModel(await readFile(path), runtime);
}
