// Copies into vendor/ what the page takes from elsewhere: the reader of files and rows, and onnxruntime-web.

import { cpSync, mkdirSync, rmSync } from "node:fs";

process.chdir(import.meta.dirname);
rmSync("vendor", { recursive: true, force: true });
cpSync("../javascript", "vendor/javascript", { recursive: true });
mkdirSync("vendor/onnxruntime");
for (const name of ["ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"]) {
  cpSync(`node_modules/onnxruntime-web/dist/${name}`, `vendor/onnxruntime/${name}`);
}
